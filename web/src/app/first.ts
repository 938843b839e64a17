// Imported before everything else: what the policy of the page asks of libraries.
import { setNonce } from 'get-nonce';
import { config } from 'zod/v4/core';

// Zod would try `new Function`; the policy forbids it, and a try is a violation already.
config({ jitless: true });

export const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.nonce ?? '';
setNonce(nonce);
