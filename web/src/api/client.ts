// The one way to the server. Adds the workspace, the CSRF token and a key that makes a repeated write harmless; asks for
// a new sign-in when the session has ended and then repeats the request, so that nothing that was typed is lost.
import { ApiError, errorOf } from './errors';
import { operationRow, type In, type Operation, type Out } from './operations';

interface Hooks {
  // The session has ended: resolves when the same person is signed in again.
  signInAgain: () => Promise<void>;
  // Another tab has signed out or moved elsewhere: why writes are held back.
  blocked: () => string | null;
  network: (reached: boolean) => void;
}
let hooks: Hooks = { signInAgain: () => Promise.reject(new ApiError(401, 'UNAUTHORIZED', 'You are signed out.')), blocked: () => null, network: () => {} };
export function setClientHooks(next: Hooks): void {
  hooks = next;
}

let workspaceId: string | null = null;
export function setWorkspace(id: string | null): void {
  workspaceId = id;
}
export function currentWorkspace(): string | null {
  return workspaceId;
}

let token: Promise<string> | null = null;
export function csrfToken(): Promise<string> {
  token ??= fetch('/api/auth/csrf', { headers: { accept: 'application/json' } })
    .then(async (r) => ((await r.json()) as { csrfToken: string }).csrfToken)
    .catch((error: unknown) => {
      token = null;
      throw error;
    });
  return token;
}
export function forgetCsrfToken(): void {
  token = null;
}

async function once(path: string, init: RequestInit, write: boolean, leaving: boolean): Promise<Response> {
  const headers = new Headers(init.headers);
  if (workspaceId && !leaving) headers.set('x-workspace-id', workspaceId);
  if (write) {
    const why = leaving ? null : hooks.blocked();
    if (why) throw new ApiError(0, 'BLOCKED', why);
    if (!navigator.onLine) throw new ApiError(0, 'OFFLINE', 'You are offline. Nothing was sent.');
  }
  try {
    if (write) headers.set('x-csrf-token', await csrfToken());
    const response = await fetch(path, { ...init, headers });
    hooks.network(true);
    return response;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    hooks.network(false);
    throw new ApiError(0, 'NETWORK', 'The server could not be reached.');
  }
}

// What was answered 429 last: repeated once by itself, and not again.
const slowed = new Set<string>();

interface RequestOptions {
  // A refused session is the answer, not a reason to ask (who is there? on the first page).
  asksWho?: boolean;
  // It leads out of the workspace: it does not act in it, where one may not be any more, and a tab that has fallen behind
  // may ask it too.
  leaving?: boolean;
}

// A request to the API with all that belongs to it; the answer is ok, else ApiError is thrown.
export async function request(path: string, init: RequestInit = {}, options: RequestOptions = {}): Promise<Response> {
  const method = init.method ?? 'GET', write = method !== 'GET', asked = `${method} ${path}`;
  let tokenRenewed = false;
  for (;;) {
    const response = await once(path, init, write, options.leaving ?? false);
    const again = slowed.delete(asked);
    if (response.ok) return response;
    const error = await errorOf(response);
    if (error.status === 429) {
      error.repeated = again;
      slowed.add(asked);
    }
    if (error.code === 'CSRF_INVALID' && !tokenRenewed) {
      tokenRenewed = true;
      forgetCsrfToken();
      continue;
    }
    if (error.status === 401 && !options.asksWho) {
      await hooks.signInAgain();
      continue;
    }
    throw error;
  }
}

function fill(name: Operation, input: Record<string, unknown>): { path: string; rest: Record<string, unknown> } {
  const row = operationRow(name), rest = { ...input };
  let path = row.path.replace(/\{(\w+)\}/g, (_, key: string) => {
    const value = rest[key];
    delete rest[key];
    return encodeURIComponent(String(value));
  });
  const query = new URLSearchParams();
  for (const key of row.method === 'GET' ? Object.keys(rest) : row.query) {
    const value = rest[key];
    delete rest[key];
    // null asks for what has none: `userId=` for what nobody did.
    if (value !== undefined && value !== '') query.set(key, value === null ? '' : String(value));
  }
  if (query.size) path += `?${query}`;
  return { path, rest };
}

// A file as the server names it; what it refuses is thrown, never saved.
export async function download<N extends Operation>(name: N, input: In<N>): Promise<{ blob: Blob; filename: string }> {
  const response = await request(fill(name, input as Record<string, unknown>).path);
  const named = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1];
  return { blob: await response.blob(), filename: named ?? name };
}

export async function call<N extends Operation>(name: N, input: In<N>, init: RequestInit & RequestOptions = {}): Promise<Out<N>> {
  const { method, noBody } = operationRow(name);
  const { path, rest } = fill(name, input as Record<string, unknown>);
  const { asksWho = false, leaving = false, ...given } = init;
  const headers = new Headers(given.headers);
  headers.set('accept', 'application/json');
  const options: RequestInit = { ...given, method, headers };
  if (method !== 'GET') {
    headers.set('idempotency-key', crypto.randomUUID());
    if (Object.keys(rest).length || (method !== 'DELETE' && !noBody)) {
      headers.set('content-type', 'application/json');
      options.body = JSON.stringify(rest);
    }
  }
  const response = await request(path, options, { asksWho, leaving });
  if (response.status === 204) return undefined as Out<N>;
  return (await response.json()) as Out<N>;
}
