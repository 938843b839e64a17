/* A browser before the whole gate: cookies, the CSRF token, NextAuth's forms; and the command line
 * beside it. What the tests of auth stand on. */
#ifndef TESTS_UNIT_AUTH_BROWSER_H
#define TESTS_UNIT_AUTH_BROWSER_H

#include "auth/auth.h"
#include "auth/state.h"
#include "tenancy/tenancy.h"
#include "unit/rooms.h"

#define BASE "http://ops.example.test"
#define FORM "content-type: application/x-www-form-urlencoded"
#define GOOD "email=Ann%40Example.test&password=correct+horse&json=true"
#define SIGN_IN "/api/auth/callback/credentials"
enum { JAR_MAX = 16, DAY_MS = 24 * 3600 * 1000 };

struct browser {
    struct rooms *r;
    struct header jar[JAR_MAX]; /* names and values of cookies */
    size_t jar_count;
    struct str csrf;
    const char *extra; /* a header line that ask_json sends, or NULL */
    /* of the last answer */
    int status;
    struct str body, location, cache, set_cookies; /* cookie names that were set, "-name" cleared */
};

/* Fills r->app with auth, limits (5 sign-ins in 5 minutes) and the operations of auth and tenancy.
 */
void browser_begin(struct rooms *r);
void browser_end(struct rooms *r);

/* As the command line does: `arguments` is JSON, `as` an address or NULL, for the operator. */
struct call *operate_in(struct arena *a, struct rooms *r, const char *as, const char *operation,
                        const char *arguments);
struct call *operate(struct rooms *r, const char *operation, const char *arguments);
struct call *operate_ok(struct rooms *r, const char *operation, const char *arguments);
/* The status. */
int operate_as(struct rooms *r, const char *as, const char *operation, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A text of an answer, or of an object in it. */
struct str answer_text(struct rooms *r, struct str body, const char *object, const char *member);
/* NAME@example.test, "correct horse", with that role in org and workspace one: the user's id. */
struct str person_added(struct rooms *r, const char *name, const char *role);
/* ann@example.test, "correct horse", OWNER of org and workspace one. */
void ann_added(struct rooms *r);

/* Answer the status; `extra` is one more header line, or NULL. */
int ask(struct browser *b, const char *method, const char *path, const char *extra,
        const char *body);
/* With the CSRF token of csrf_get, and the body as JSON. */
int ask_json(struct browser *b, const char *method, const char *path, const char *body);
int post_form(struct browser *b, const char *path, const char *fields);
void csrf_get(struct browser *b);
void sign_in(struct browser *b); /* as ann */
void body_has(struct browser *b, const char *part);
struct str jar_text(struct browser *b);

#define BROWSER(state)                                                                             \
    ROOMS(state)                                                                                   \
    browser_begin(r);                                                                              \
    ann_added(r);                                                                                  \
    struct browser b = { .r = r }

#endif
