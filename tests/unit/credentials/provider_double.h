/* A provider that answers what a test says, and remembers what it was sent. */
#ifndef TESTS_UNIT_CREDENTIALS_PROVIDER_DOUBLE_H
#define TESTS_UNIT_CREDENTIALS_PROVIDER_DOUBLE_H

#include "credentials/credentials.h"
#include "net/fetch.h"
#include "unit/rooms.h"

#define DOUBLE_REQUESTS_MAX 64
struct provider_double {
    /* what it answers */
    enum fetch_end end; /* 0: FETCH_WHOLE */
    int status;         /* 0: 200 */
    const char *body;
    const char *content_type; /* NULL: application/json */
    bool echoes;              /* the body is all that it was sent */
    bool echoes_json;         /* the same in an error's message and as the id of a model */
    void (*meanwhile)(void *arg);
    void *arg;
    /* what it was sent: "url\nname: value\n…" */
    char requests[DOUBLE_REQUESTS_MAX][4096];
    bool guarded[DOUBLE_REQUESTS_MAX];
    size_t count;
};
/* One a process, since fetches have no argument of the test's. */
extern struct provider_double the_provider;
void provider_double_fetch(struct cx *cx, const struct fetch_request *rq, struct fetch_answer *ret);
/* Into r->app.credentials, and everything forgotten. */
void provider_double_install(struct rooms *r);
void provider_double_remove(struct rooms *r);
/* Was the text in any request? */
bool provider_double_saw(const char *text);

#endif
