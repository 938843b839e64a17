/* A whole program around the tests' operations, without a socket: database, pools, blobs, registry.
 */
#ifndef TESTS_API_FIXTURE_H
#define TESTS_API_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db/db.h"
#include "fixture_ops.h"

struct fixture;
struct fixture *fixture_open(enum db_engine engine);
void fixture_close(struct fixture *f);
struct app *fixture_app(struct fixture *f);

/* One request through the gate; headers are "name: value" lines. */
struct answer {
    int status;
    struct str body;
    struct str trace; /* what the hooks were asked */
    struct call call; /* for what else a test wants to see; released by fixture_done */
};
struct answer *fixture_request(struct fixture *f, const char *method, const char *path,
                               const char *headers, const char *body);
/* The same by name, as a tool or from the command line. */
struct answer *fixture_named(struct fixture *f, const char *op, const char *role,
                             const char *arguments, bool as_tool, bool dry_run);
void fixture_done(struct answer *a);
/* Header of the reply, or "". */
const char *answer_header(const struct answer *a, const char *name);

#endif
