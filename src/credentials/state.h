/* What a process keeps of credentials: the cache of model lists. Private to src/credentials. */
#ifndef CREDENTIALS_STATE_H
#define CREDENTIALS_STATE_H

#include "credentials/probe.h"

probe_fetch credentials_fetch(const struct app *app);

enum { MODELS_KEPT_MS = 5 * 60 * 1000, MODELS_MAX = 500, MODELS_LISTS_MAX = 64 };
enum { MODELS_TEXT_BYTES_MAX = 64 * 1024 };

/* A list as text: id TAB name TAB created (s) LF. Copied in and out; `key` names a credential, so
 * that nobody sees what another's key would show. False: not there, or older than MODELS_KEPT_MS.
 */
bool models_recall(struct credentials *c, struct arena *a, struct str key, int64_t now_ms,
                   struct str *ret_text, int64_t *ret_since_ms);
void models_keep(struct credentials *c, struct str key, int64_t now_ms, struct str text);

#endif
