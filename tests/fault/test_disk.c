/* What a disk can do to SQLite: for n = 1 … the n-th write, short write, write without room, fsync
 * fails, once, three times or for good. After each: clean results, a sound file, nothing
 * acknowledged lost, nothing refused there. */
#include "work.h"

#include <inttypes.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "db/vfs_fault.h"

#define FOR_GOOD 1000000

static void file_copy(const char *from, const char *to, const char *suffix)
{
    char name[128], block[8192];
    snprintf(name, sizeof name, "%s%s", from, suffix);
    FILE *in = fopen(name, "rb");
    snprintf(name, sizeof name, "%s%s", to, suffix);
    FILE *out = fopen(name, "wb");
    assert_non_null(out);
    for (size_t len; in && (len = fread(block, 1, sizeof block, in)) > 0;)
        assert_int_equal(fwrite(block, 1, len, out), len);
    fclose(out);
    if (in)
        fclose(in);
}

/* What a crash at this moment would leave: judged in a copy, which has to recover the log. */
static void crash_judge(struct fixture *f, const struct work *w)
{
    struct fixture copy = *f;
    copy.app.db = NULL;
    copy.cx.app = &copy.app;
    snprintf(copy.path, sizeof copy.path, "%s/crash.db", f->folder);
    file_copy(f->path, copy.path, "");
    file_copy(f->path, copy.path, "-wal");
    fixture_open(&copy, NULL, NULL, NULL);
    work_judge(w, &copy);
    fixture_close(&copy);
}

/* One round; false when n lies beyond the last call. */
static bool round_run(enum vfs_fault_kind kind, int64_t n, int64_t count)
{
    struct fixture f;
    struct work w;
    fixture_init(&f, DB_SQLITE);
    fixture_close(&f);
    /* Opening is part of it. */
    vfs_fault_plan(kind, n, count);
    fixture_open(&f, NULL, NULL, VFS_FAULT_NAME);
    bool open = f.app.db != NULL;
    if (open) {
        work_run(&w, &f, n);
        crash_judge(&f, &w);
        if (vfs_fault_calls() >= n + count) { /* the disk is well again: so must the database be */
            struct item it = { .id = "after" };
            assert_int_equal(db_write(&f.cx, item_insert, &it), OK);
        }
        fixture_close(&f); /* the last checkpoint may fail as well */
    }
    bool hit = vfs_fault_failed() > 0;
    vfs_fault_plan(VFS_FAULT_NONE, 0, 0);
    fixture_open(&f, NULL, NULL, NULL);
    if (open)
        work_judge(&w, &f);
    fixture_release(&f);
    return hit;
}

static void rounds(enum vfs_fault_kind kind)
{
    static const int64_t counts[] = { 1, 3, FOR_GOOD };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int64_t n = 1;
        while (round_run(kind, n, counts[i]))
            n += n < 40 ? 1 : 3; /* the calls repeat themselves */
        assert_true(n > 5);
        print_message("kind %d, %" PRId64 " in a row: n up to %" PRId64 "\n", kind, counts[i], n);
    }
}

static void test_write_fails(void **state)
{
    rounds(VFS_FAULT_WRITE);
}

static void test_short_write(void **state)
{
    rounds(VFS_FAULT_SHORT_WRITE);
}

static void test_no_room(void **state)
{
    rounds(VFS_FAULT_FULL);
}

static void test_fsync_fails(void **state)
{
    rounds(VFS_FAULT_SYNC);
}

static void test_read_fails(void **state)
{
    rounds(VFS_FAULT_READ);
}

/* A full disk is told as such, and what was there stays readable. */
static void test_no_room_is_quota(void **state)
{
    struct fixture f;
    struct item it = { .id = "a" }, more = { .id = "b" };
    fixture_init(&f, DB_SQLITE);
    fixture_close(&f);
    vfs_fault_plan(VFS_FAULT_NONE, 0, 0);
    fixture_open(&f, NULL, NULL, VFS_FAULT_NAME);
    assert_int_equal(db_write(&f.cx, item_insert, &it), OK);
    vfs_fault_plan(VFS_FAULT_FULL, 1, FOR_GOOD);
    assert_int_equal(db_write(&f.cx, item_insert, &more), ERR_QUOTA_EXCEEDED);
    assert_true(fixture_present(&f, "a"));
    assert_false(fixture_present(&f, "b"));
    vfs_fault_plan(VFS_FAULT_SYNC, 1, FOR_GOOD);
    assert_int_equal(db_write(&f.cx, item_insert, &more), ERR_STORAGE);
    vfs_fault_plan(VFS_FAULT_NONE, 0, 0);
    assert_int_equal(db_write(&f.cx, item_insert, &more), OK);
    struct db_stats s;
    db_stats(f.app.db, &s);
    assert_int_equal(s.commit_failures, 2);
    fixture_release(&f);
}

/* ---- the disk fills up within one closure of a batch ---- */

struct batch_item {
    struct db_write write;
    struct item item;
    enum err result;
};

static sem_t running, filled, finished;

static void batch_item_done(struct db_write *w, enum err result)
{
    ((struct batch_item *)w)->result = result;
    sem_post(&finished);
}

/* Holds the transaction until the others have queued up behind it. */
static enum err hold(struct cx *cx, void *arg)
{
    sem_post(&running);
    while (sem_wait(&filled) != 0)
        continue;
    sem_post(&filled); /* the closure may be run again */
    return item_insert(cx, arg);
}

static int64_t much_fails_at; /* the write, counted from the closure's beginning; 0: none */

/* More than the cache holds: pages reach the disk before COMMIT. */
static enum err insert_much(struct cx *cx, void *arg)
{
    static char big[100000];
    if (much_fails_at)
        vfs_fault_plan(VFS_FAULT_FULL, much_fails_at, 1);
    much_fails_at = 0;
    for (int i = 0; i < 200; i++) {
        char id[32];
        snprintf(id, sizeof id, "big%d", i);
        struct db_value p[] = { text_value(id),
                                int_value(i),
                                { .type = DB_NULL },
                                { .type = DB_BLOB, .s = { big, sizeof big } },
                                { .type = DB_NULL } };
        TRY(run_plain(cx, ITEM_INSERT, p));
    }
    return OK;
}

static void batch_submit(struct fixture *f, struct batch_item *b, const char *id, db_fn fn)
{
    *b = (struct batch_item){ .write = { .fn = fn, .done = batch_item_done } };
    snprintf(b->item.id, sizeof b->item.id, "%s", id);
    b->write.arg = &b->item;
    b->write.cx = fixture_cx_new(f);
    db_write_submit(f->app.db, &b->write);
}

/* The n-th write, of some hundred: the log is written in pieces. The first holds pages of the
 * closures before, which must not go with it. */
static void fill_disk_at(int64_t n)
{
    struct fixture f;
    struct batch_item items[4];
    fixture_init(&f, DB_SQLITE);
    fixture_close(&f);
    fixture_open(&f, NULL, NULL, VFS_FAULT_NAME);
    sem_init(&running, 0, 0);
    sem_init(&filled, 0, 0);
    sem_init(&finished, 0, 0);
    batch_submit(&f, &items[0], "first", hold);
    sem_wait(&running);
    much_fails_at = n;
    batch_submit(&f, &items[1], "second", item_insert);
    batch_submit(&f, &items[2], "much", insert_much);
    batch_submit(&f, &items[3], "last", item_insert);
    sem_post(&filled);
    for (int i = 0; i < 4; i++)
        sem_wait(&finished);
    assert_int_equal(vfs_fault_failed(), 1);
    vfs_fault_plan(VFS_FAULT_NONE, 0, 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(items[i].result, i == 2 ? ERR_QUOTA_EXCEEDED : OK);
        fixture_cx_free(items[i].write.cx);
    }
    fixture_close(&f);
    fixture_open(&f, NULL, NULL, NULL);
    assert_int_equal(fixture_count(&f), 3);
    assert_true(fixture_sound(&f));
    fixture_release(&f);
}

static void test_full_disk_fails_only_its_closure(void **state)
{
    static const int64_t at[] = { 1, 2, 3, 20, 70 };
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        fill_disk_at(at[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_disk_fails_only_its_closure),
        cmocka_unit_test(test_no_room_is_quota),
        cmocka_unit_test(test_write_fails),
        cmocka_unit_test(test_short_write),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_fsync_fails),
        cmocka_unit_test(test_read_fails),
    };
    vfs_fault_register();
    return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
