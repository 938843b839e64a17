/* Asking providers and gateways with a credential: does it take the key, what is wrong with it.
 *
 * Runs on LANE_SLOW or a job, never inside a transaction. Whatever a foreign server says is shown
 * without the secrets that were sent to it, bounded, and with its control characters gone. Private
 * to src/credentials and its tests. */
#ifndef CREDENTIALS_PROBE_H
#define CREDENTIALS_PROBE_H

#include "credentials/resolve.h"
#include "net/fetch.h"

typedef void (*probe_fetch)(struct cx *cx, const struct fetch_request *rq,
                            struct fetch_answer *ret);

enum { PROBE_TIMEOUT_MS = 15000, PROBE_BODY_BYTES_MAX = 1024 * 1024 };

struct probe_call {
    const char *method;
    const char *path; /* behind the base URL */
    struct str body;  /* JSON; absent: none */
    int64_t timeout_ms;
};
/* One request with the credential's headers. This is where a key leaves for whoever asks a provider
 * outside of a call: a row of the trail (credentials_used) names key and request and is committed
 * before the request begins; when it cannot be written, nothing is sent. */
enum err probe_send(struct cx *cx, const struct credential *c, const struct probe_call *call,
                    struct fetch_answer *ret);

enum probe_verdict {
    PROBE_ACCEPTED = 1,
    PROBE_REFUSED, /* 401, 403 */
    PROBE_UNKNOWN  /* nobody can say: 429, 5xx, time-out, no connection, not an API */
};
struct probe_result {
    enum probe_verdict verdict;
    bool timed_out;
    bool address_refused; /* by the guard */
    struct str sentence;  /* what happened, for people; no secret; in the arena */
};
/* GET /v1/models?limit=1, and GET /health of an OpenClaw that has no list of models. An error: the
 * use could not be entered in the trail. */
enum err probe_key(struct cx *cx, const struct credential *c, int64_t timeout_ms,
                   struct probe_result *ret);

/* Foreign text as it may be shown: without the credential's secrets, valid UTF-8, one line of at
 * most `bytes_max`. */
struct str probe_shown(struct cx *cx, const struct credential *c, struct str text,
                       size_t bytes_max);
/* What a provider's error body says, shown; "" when nothing. */
struct str probe_message(struct cx *cx, const struct credential *c, struct str body);
/* Without an answer: why, in words. */
struct str probe_failure(struct cx *cx, const struct fetch_result *r, int64_t timeout_ms);
/* An event SSRF_BLOCKED when the guard refused the address. */
void probe_note_refused_address(struct cx *cx, const struct credential *c,
                                const struct fetch_result *r);

/* ---- gateways ---- */

struct gateway_probe {
    struct str name, method, url, body, error; /* error absent: fine; body absent: none came */
    int64_t status;                            /* 0: no answer */
    int64_t duration_ms;
};
struct gateway_report {
    bool ok;
    struct str summary;
    struct gateway_probe probes[2];
};
/* The two requests that OpenClaw, or Hermes, must answer, with a diagnosis of each; errors as
 * probe_key. */
enum err gateway_test(struct cx *cx, const struct credential *c, struct gateway_report *ret);

#endif
