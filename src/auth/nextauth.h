/* What NextAuth v4 does for every one of its routes before the route itself: body, CSRF cookie,
 * callback URL; and how its answers look. For the files of this folder only.
 * Source: the recorded behaviour of next-auth 4 (docs: NextAuth v4 wire). */
#ifndef AUTH_NEXTAUTH_H
#define AUTH_NEXTAUTH_H

#include "auth/state.h"

#define NEXTAUTH_BODY_BYTES_MAX 65536
#define NEXTAUTH_URL_BYTES_MAX 2048

struct nextauth {
    struct cx *cx;
    const struct auth *auth;
    const struct raw_request *rq;
    struct reply *reply;
    struct pair *fields; /* of the body, form or JSON */
    size_t field_count;
    struct pair *query;
    size_t query_count;
    struct str csrf_token; /* the verified cookie's, or the fresh one that was set */
    bool csrf_verified;    /* a POST whose body has the cookie's token */
    bool wants_json;       /* {"url":…} instead of a redirect */
    struct str callback_url;
};

/* Sets the cookies that are due. VALIDATION: the body is not a form and not a JSON object. */
enum err nextauth_begin(struct cx *cx, const struct raw_request *rq, struct reply *reply,
                        struct nextauth *ret);
/* Text of the body, or absent. */
struct str nextauth_field(const struct nextauth *n, const char *name);
/* Where a callback URL of a client leads: below the public URL, or to it. */
struct str nextauth_redirect(struct arena *a, const struct auth *auth, struct str url);

void nextauth_json(struct nextauth *n, int status, struct str body);
/* A redirect, or its URL as JSON with `status`. */
void nextauth_go(struct nextauth *n, int status, struct str url);
/* "PUBLIC/api/auth" and `tail`. */
struct str nextauth_url(const struct nextauth *n, const char *tail);
void nextauth_no_cache(struct reply *r);

#endif
