/* A database for the tests of src/db: fresh, on either engine, with one table and the statements on
 * it. The program's statement registry is this file's own.
 *
 * PostgreSQL is the server that TEST_PG_URL (environment) names; without it those tests are
 * skipped. Each process works in a schema of its own. */
#ifndef TEST_DB_FIXTURE_H
#define TEST_DB_FIXTURE_H

#include "base/app.h"
#include "db/driver.h"

enum fixture_statement {
    ITEM_INSERT,
    ITEM_GET,
    ITEM_LIST,
    ITEM_COUNT,
    ITEM_BUMP, /* hot */
    ITEM_SET,
    ITEM_DELETE,
    ITEM_SUM,
    LINK_INSERT,
    LATE_INSERT, /* its foreign key is checked at COMMIT */
    WRONG_SQL,
    WRONG_TYPE,
    ITEM_ALL, /* a full scan */
    FIXTURE_STATEMENTS
};

struct fixture {
    enum db_engine engine;
    char folder[64];
    char path[96];
    char url[1024];
    int64_t writers; /* of PostgreSQL; 0 is 8 */
    struct app app;
    struct arena *arena;
    struct cx cx; /* of the test's main thread */
};

bool fixture_has(enum db_engine e);
/* A fresh database with the tables. Aborts with a message when that fails. */
void fixture_init(struct fixture *f, enum db_engine e);
void fixture_release(struct fixture *f);
/* Opens what fixture_init has made once more (after a close, in a child). */
void fixture_open(struct fixture *f, const struct db_driver *driver, void *driver_arg,
                  const char *vfs);
void fixture_close(struct fixture *f);
struct cx *fixture_cx_new(struct fixture *f);
void fixture_cx_free(struct cx *cx);

/* ---- closures and their arguments ---- */

struct item {
    char id[32];
    int64_t n;
    struct str u;   /* unique, may be absent */
    int64_t repeat; /* rows to insert, 0 counts as 1; ids get a suffix */
};
enum err item_insert(struct cx *cx, void *item);
enum err item_delete(struct cx *cx, void *item);
enum err item_bump(struct cx *cx, void *item);
enum err item_count(struct cx *cx, void *ret_int64);
enum err item_sum(struct cx *cx, void *ret_int64);
/* item->n becomes the stored one, -1 when there is no such row. */
enum err item_get(struct cx *cx, void *item);
enum err run_plain(struct cx *cx, enum fixture_statement which, const struct db_value *params);
struct db_value text_value(const char *s);
struct db_value int_value(int64_t i);

int64_t fixture_count(struct fixture *f);
bool fixture_present(struct fixture *f, const char *id);
/* SQLite's own check of the whole file; true on PostgreSQL. */
bool fixture_sound(struct fixture *f);

#endif
