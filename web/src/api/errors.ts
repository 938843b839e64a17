// What can go wrong with a request, in one class: the server's code, or NETWORK and OFFLINE for what never reached it.
export class ApiError extends Error {
  readonly until: number | null; // when the server lets it be asked again
  repeated = false; // 429, and the same request had that answer right before

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown> = {},
    readonly requestId: string | null = null,
    readonly retryAfterS: number | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
    this.until = retryAfterS ? Date.now() + retryAfterS * 1000 : null;
  }

  get fieldErrors(): Record<string, string[]> {
    const found = this.details.fieldErrors;
    return found && typeof found === 'object' ? (found as Record<string, string[]>) : {};
  }

  // A refused request has changed nothing. One that was cut, or failed inside, may have. Where a foreign server did not
  // answer as it should, ours says in its sentence what was kept.
  get changed(): 'nothing' | 'unknown' | 'said' {
    if (this.code === 'UPSTREAM_ERROR' || this.code === 'UPSTREAM_TIMEOUT') return 'said';
    return this.code === 'NETWORK' || this.status >= 500 ? 'unknown' : 'nothing';
  }
}

export function isCode(error: unknown, ...codes: string[]): error is ApiError {
  return error instanceof ApiError && codes.includes(error.code);
}

export async function errorOf(response: Response): Promise<ApiError> {
  const id = response.headers.get('x-request-id');
  const after = Number(response.headers.get('retry-after'));
  const wait = Number.isFinite(after) && after > 0 ? after : null;
  try {
    const body = (await response.json()) as { error?: string; code?: string; details?: Record<string, unknown> };
    return new ApiError(response.status, body.code ?? 'INTERNAL', body.error ?? response.statusText, body.details ?? {}, id, wait);
  } catch {
    return new ApiError(response.status, 'INTERNAL', `The server answered ${response.status} without saying why.`, {}, id, wait);
  }
}
