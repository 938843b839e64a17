/* What a transaction appends is one write, nothing else is delayed, and nothing that SQLite
 * believes to be written is ever lost. Over the fault shim, which counts and fails the writes
 * beneath. */
#include "db/vfs_wal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/vfs_fault.h"

enum { NEVER = 1000000, HEAD = 24, PAGE = 4096, FRAME = HEAD + PAGE };

struct log {
    char folder[64], database[96], path[96];
    sqlite3_file *f;
};

static void log_open(struct log *l)
{
    vfs_fault_register();
    vfs_fault_plan(VFS_FAULT_NONE, 0, 0);
    sqlite3_vfs *vfs = sqlite3_vfs_find(vfs_wal_over(VFS_FAULT_NAME));
    assert_non_null(vfs);
    snprintf(l->folder, sizeof l->folder, "/tmp/opboxd-wal-XXXXXX");
    assert_non_null(mkdtemp(l->folder));
    snprintf(l->database, sizeof l->database, "%s/x", l->folder);
    snprintf(l->path, sizeof l->path, "%s/x-wal", l->folder);
    close(open(l->database, O_CREAT | O_RDWR | O_CLOEXEC, 0600)); /* the log takes its mode */
    l->f = calloc(1, (size_t)vfs->szOsFile);
    assert_non_null(l->f);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL, got = 0;
    assert_int_equal(vfs->xOpen(vfs, l->path, l->f, flags, &got), SQLITE_OK);
}

static void log_close(struct log *l)
{
    vfs_fault_plan(VFS_FAULT_NONE, 0, 0);
    l->f->pMethods->xClose(l->f);
    free(l->f);
    unlink(l->path);
    unlink(l->database);
    rmdir(l->folder);
}

static int put(struct log *l, char c, int len, int at)
{
    static char bytes[125000];
    memset(bytes, c, (size_t)len);
    return l->f->pMethods->xWrite(l->f, bytes, len, at);
}

static void put_frame(struct log *l, char c, int number)
{
    assert_int_equal(put(l, 'h', HEAD, number * FRAME), SQLITE_OK);
    assert_int_equal(put(l, c, PAGE, number * FRAME + HEAD), SQLITE_OK);
}

static char at(struct log *l, int offset)
{
    char c = 0;
    assert_int_equal(l->f->pMethods->xRead(l->f, &c, 1, offset), SQLITE_OK);
    return c;
}

static int sync_log(struct log *l)
{
    return l->f->pMethods->xSync(l->f, SQLITE_SYNC_NORMAL);
}

static void a_transaction_is_one_write(void **state)
{
    struct log l;
    sqlite3_int64 size;
    (void)state;
    log_open(&l);
    vfs_fault_plan(VFS_FAULT_WRITE, NEVER, 1);
    for (int i = 0; i < 17; i++)
        put_frame(&l, (char)('a' + i), i);
    assert_int_equal(vfs_fault_calls(), 0);
    assert_int_equal(sync_log(&l), SQLITE_OK);
    assert_int_equal(vfs_fault_calls(), 1);
    assert_int_equal(sync_log(&l), SQLITE_OK);
    assert_int_equal(vfs_fault_calls(), 1);
    for (int i = 0; i < 17; i++)
        assert_int_equal(at(&l, i * FRAME + HEAD), 'a' + i);
    assert_int_equal(l.f->pMethods->xFileSize(l.f, &size), SQLITE_OK);
    assert_int_equal(size, 17 * FRAME);
    log_close(&l);
}

/* Whatever looks at the file sees what was written to it. */
static void nobody_sees_it_missing(void **state)
{
    struct log l;
    sqlite3_int64 size;
    (void)state;
    log_open(&l);
    put_frame(&l, 'a', 0);
    assert_int_equal(at(&l, HEAD), 'a');
    put_frame(&l, 'b', 1);
    assert_int_equal(l.f->pMethods->xFileSize(l.f, &size), SQLITE_OK);
    assert_int_equal(size, 2 * FRAME);
    put_frame(&l, 'c', 2);
    assert_int_equal(put(&l, 'A', PAGE, HEAD), SQLITE_OK); /* elsewhere: begins anew */
    assert_int_equal(l.f->pMethods->xTruncate(l.f, 2 * FRAME), SQLITE_OK);
    assert_int_equal(at(&l, HEAD), 'A');
    assert_int_equal(at(&l, FRAME + HEAD), 'b');
    assert_int_equal(l.f->pMethods->xFileSize(l.f, &size), SQLITE_OK);
    assert_int_equal(size, 2 * FRAME);
    assert_int_equal(put(&l, 'x', 125000, 2 * FRAME), SQLITE_OK); /* more than is ever held */
    assert_int_equal(at(&l, 2 * FRAME + 124999), 'x');
    log_close(&l);
}

static void what_fails_is_tried_again(void **state)
{
    struct log l;
    (void)state;
    log_open(&l);
    put_frame(&l, 'a', 0);
    vfs_fault_plan(VFS_FAULT_FULL, 1, 2);
    assert_int_equal(sync_log(&l), SQLITE_FULL);
    assert_int_equal(put(&l, 'c', PAGE, 5 * FRAME), SQLITE_FULL); /* not before the first */
    put_frame(&l, 'b', 1);                                        /* continues what is held */
    assert_int_equal(sync_log(&l), SQLITE_OK);
    assert_int_equal(at(&l, HEAD), 'a');
    assert_int_equal(at(&l, FRAME + HEAD), 'b');
    log_close(&l);
}

static void there_is_one_layer_a_base(void **state)
{
    (void)state;
    vfs_fault_register();
    const char *over = vfs_wal_over(NULL), *fault = vfs_wal_over(VFS_FAULT_NAME);
    assert_ptr_equal(vfs_wal_over(NULL), over);
    assert_ptr_not_equal(fault, over);
    assert_null(vfs_wal_over("no such layer"));
    assert_ptr_not_equal(sqlite3_vfs_find(NULL), sqlite3_vfs_find(over)); /* never the default */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_is_one_write),
        cmocka_unit_test(nobody_sees_it_missing),
        cmocka_unit_test(what_fails_is_tried_again),
        cmocka_unit_test(there_is_one_layer_a_base),
    };
    return cmocka_run_group_tests_name("vfs_wal", tests, NULL, NULL);
}
