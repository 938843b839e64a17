/* Inside llm/: what providers mean by their errors. */
#ifndef LLM_ERROR_H
#define LLM_ERROR_H

#include "base/json.h"

struct provider_error {
    int status;                     /* HTTP status, or the one it would have been; 0: not known */
    struct str type, code, message; /* absent when not given */
};

/* Takes {"error":{…}}, {"error":"…"}, {"type":"error",…}, {"message":…}, {"detail":…}, and what is
 * none of them. Points into `body`. */
void provider_error_read(const struct json *body, struct provider_error *ret);

/* One or two sentences for people, in the arena, of at most 600 bytes: what is wrong, what to do,
 * and the provider's own words cut to 300 characters, without what looks like a key. */
struct str provider_error_sentence(struct arena *a, int status, const struct provider_error *e);

#endif
