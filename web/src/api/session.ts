// Signing in and out on NextAuth's wire.
import { csrfToken, forgetCsrfToken } from './client';
import { ApiError, errorOf } from './errors';

export type SignInResult = 'ok' | 'refused' | 'totp-required' | 'totp-invalid';

async function post(path: string, fields: Record<string, string>): Promise<Response> {
  const body = new URLSearchParams({ ...fields, csrfToken: await csrfToken(), json: 'true', callbackUrl: location.origin });
  try {
    return await fetch(path, { method: 'POST', body });
  } catch {
    throw new ApiError(0, 'NETWORK', 'The server could not be reached.');
  }
}

export async function signIn(email: string, password: string, totp: string): Promise<SignInResult> {
  forgetCsrfToken();
  const response = await post('/api/auth/callback/credentials', { email, password, redirect: 'false', ...(totp ? { totp } : {}) });
  if (response.status === 429 || response.status >= 500) throw await errorOf(response);
  const answer = (await response.json().catch(() => ({}))) as { url?: string };
  const error = answer.url ? new URL(answer.url, location.origin).searchParams.get('error') : null;
  if (response.ok && !error) {
    forgetCsrfToken();
    return 'ok';
  }
  if (error === 'TotpRequired') return 'totp-required';
  return error === 'TotpInvalid' ? 'totp-invalid' : 'refused';
}

export async function signOut(): Promise<void> {
  const response = await post('/api/auth/signout', {});
  if (!response.ok) throw await errorOf(response);
  forgetCsrfToken();
}
