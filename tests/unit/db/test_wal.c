/* The write-ahead log of SQLite: bounded under load, empty after an idle moment, private files.
 * Works on the driver, below the writer, so that nothing has to be waited for. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#define FRAME_BYTES (4096 + 24)

static int64_t log_bytes(const struct fixture *f)
{
    char name[128];
    struct stat st;
    snprintf(name, sizeof name, "%s-wal", f->path);
    return stat(name, &st) == 0 ? st.st_size : -1;
}

static struct db_conn *conn_open(const struct fixture *f, bool writer)
{
    struct db_source s = { .path = f->path };
    struct db_conn *c = NULL;
    char error[256] = "";
    if (db_driver_sqlite.open(&s, writer, 1000, &c, error, sizeof error) != DB_DONE)
        fail_msg("%s", error);
    return c;
}

/* One transaction of `rows` rows, each about a page. */
static void transaction(struct fixture *f, struct db_conn *c, int from, int rows)
{
    static char big[4000];
    assert_int_equal(c->driver->begin(c, DB_MODE_WRITE), DB_DONE);
    for (int i = from; i < from + rows; i++) {
        char id[32];
        snprintf(id, sizeof id, "w%d", i);
        struct db_value p[] = { text_value(id),
                                int_value(i),
                                { .type = DB_NULL },
                                { .type = DB_BLOB, .s = { big, sizeof big } },
                                { .type = DB_NULL } };
        struct db_call call = { .cx = &f->cx, .stmt = db_statements[ITEM_INSERT], .params = p };
        assert_int_equal(c->driver->run(c, &call), DB_DONE);
        assert_int_equal(call.affected, 1);
    }
    assert_int_equal(c->driver->commit(c), DB_DONE);
}

static void test_log_is_bounded_and_emptied(void **state)
{
    struct fixture *f = *state;
    struct db_conn *c = conn_open(f, true);
    int64_t most = 0;
    for (int i = 0; i < 60; i++) {
        transaction(f, c, i * 200, 200);
        assert_true(c->driver->maintain(c, false)); /* wants an idle moment */
        if (log_bytes(f) > most)
            most = log_bytes(f);
    }
    assert_true(most > 1000 * FRAME_BYTES);
    assert_true(most < 5500 * (int64_t)FRAME_BYTES);
    assert_false(c->driver->maintain(c, true));
    assert_int_equal(log_bytes(f), 0);
    c->driver->close(c);
}

/* A reader that never lets go holds the log; when it is gone the log shrinks again. */
static void test_reader_holds_the_log(void **state)
{
    struct fixture *f = *state;
    struct db_conn *c = conn_open(f, true), *reader = conn_open(f, false);
    int64_t n = -1;
    struct db_call count = { .cx = &f->cx, .stmt = db_statements[ITEM_COUNT], .arg = &n };
    transaction(f, c, 0, 10);
    assert_int_equal(reader->driver->begin(reader, DB_MODE_READ), DB_DONE);
    assert_int_equal(reader->driver->run(reader, &count), DB_DONE);
    for (int i = 1; i < 100; i++) {
        transaction(f, c, i * 200, 200);
        c->driver->maintain(c, false);
    }
    assert_true(log_bytes(f) > 16000 * (int64_t)FRAME_BYTES);
    assert_true(c->driver->maintain(c, true));
    assert_true(log_bytes(f) > 0);
    assert_int_equal(reader->driver->commit(reader), DB_DONE);
    transaction(f, c, 100 * 200, 200);
    for (int i = 0; i < 30 && log_bytes(f) > 0; i++) {
        transaction(f, c, (101 + i) * 200, 200);
        c->driver->maintain(c, false);
    }
    assert_int_equal(log_bytes(f), 0);
    reader->driver->close(reader);
    c->driver->close(c);
}

static void test_files_are_private(void **state)
{
    struct fixture *f = *state;
    struct db_conn *c = conn_open(f, true);
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    transaction(f, c, 0, 1);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char name[128];
        struct stat st;
        snprintf(name, sizeof name, "%s%s", f->path, suffixes[i]);
        assert_int_equal(stat(name, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    c->driver->close(c);
}

static void test_reader_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct db_conn *reader = conn_open(f, false);
    struct db_value p[] = { text_value("a") };
    struct db_call call = { .cx = &f->cx, .stmt = db_statements[ITEM_DELETE], .params = p };
    assert_int_equal(reader->driver->begin(reader, DB_MODE_READ), DB_DONE);
    assert_int_equal(reader->driver->run(reader, &call), DB_FAULT);
    assert_int_equal(reader->driver->rollback(reader), DB_DONE);
    reader->driver->close(reader);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_init(f, DB_SQLITE);
    fixture_close(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_release(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_log_is_bounded_and_emptied, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_holds_the_log, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_are_private, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_cannot_write, setup, teardown),
    };
    return cmocka_run_group_tests_name("write-ahead log", tests, NULL, NULL);
}
