/* What the tests of audit, blob, jobs and kb stand on: a migrated database on either engine with
 * two workspaces and three people, and a context that acts in it.
 *
 * PostgreSQL is the server that TEST_PG_URL (environment) names; without it those tests are
 * skipped. Each process works in a schema of its own. */
#ifndef TESTS_UNIT_ROOMS_H
#define TESTS_UNIT_ROOMS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/app.h"
#include "base/config.h"
#include "base/crypto.h"
#include "base/log.h"
#include "db/db.h"

#define ROOMS_NOW_MS 1795475474942

struct rooms {
    enum db_engine engine;
    char folder[64];
    struct app app;
    struct config config;
    struct arena *arena;
    struct cx cx; /* ann in workspace one */
};

/* Fresh database: workspaces "one" and "two"; users "ann" and "bob" (of one), "eve" (of two). */
void rooms_init(struct rooms *r, enum db_engine e);
void rooms_release(struct rooms *r);
/* Acts as that user in that workspace from now on. */
void rooms_as(struct rooms *r, const char *user, const char *workspace);

/* The same database through another driver (db/driver.h), which fails on purpose, by one writer; or
 * NULL: the engine's own. False when it could not be opened. */
struct db_driver;
bool rooms_reopen(struct rooms *r, const struct db_driver *driver, void *driver_arg);

/* Setup and teardown of cmocka: *state is a struct rooms, or NULL where there is no PostgreSQL. */
int rooms_sqlite(void **state);
int rooms_pgsql(void **state);
int rooms_end(void **state);
#define ROOMS(state)                                                                               \
    struct rooms *r = *(state);                                                                    \
    if (!r)                                                                                        \
        skip();
/* Each test on both engines. */
#define ROOMS_TEST(f)                                                                              \
    { #f "/sqlite", f, rooms_sqlite, rooms_end, NULL },                                            \
    {                                                                                              \
#f "/pgsql", f, rooms_pgsql, rooms_end, NULL                                               \
    }

#define assert_ok(cx, e) rooms_assert_ok((cx), (e), __FILE__, __LINE__)
void rooms_assert_ok(struct cx *cx, enum err e, const char *file, int line);
#define assert_str(s, expected) rooms_assert_str((s), (expected), __FILE__, __LINE__)
void rooms_assert_str(struct str s, const char *expected, const char *file, int line);

#endif
