/* Retention of the log: what is left stays provable, and nobody but retention removes anything,
 * rows or checkpoints. On both engines. */
#include "seal_room.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "audit/audit_sql.h"
#include "audit/export.h"
#include "audit/seal_first.h"
#include "unit/rooms_sql.h"

/* ---- rows ---- */

struct purge {
    int64_t before_ms, limit, removed;
    const char *workspace; /* NULL: "one" */
};
static enum err purge(struct cx *cx, void *arg)
{
    struct purge *p = arg;
    return seal_purge(cx, str_of(p->workspace ? p->workspace : "one"), p->before_ms, p->limit,
                      &p->removed);
}

static void retention_keeps_the_rest_provable(void **state)
{
    SEALED(state);
    deeds(r, "one", 20, true);
    struct purge p = { .before_ms = ROOMS_NOW_MS + 13, .limit = 8 };
    assert_ok(&r->cx, db_write(&r->cx, purge, &p));
    assert_int_equal(p.removed, 8);
    assert_ok(&r->cx, db_write(&r->cx, purge, &p));
    assert_int_equal(p.removed, 4); /* the thirteenth is too young */
    assert_ok(&r->cx, db_write(&r->cx, purge, &p));
    assert_int_equal(p.removed, 0);
    assert_int_equal(seal_tick(r->app.seal, r->cx.now_ms, true), OK);
    assert_holds(r);
    assert_int_equal(verified(r, false).events, 10); /* eight, and two that say what went */
    /* Nobody else moves the beginning. */
    tamper(r, "DELETE FROM audit WHERE workspace_id = 'one' AND seq = 13;"
              "UPDATE audit_chains SET base_seq = 13 WHERE workspace_id = 'one'");
    assert_breaks(r, "base", "one", 13);
    seal_room_close(r);
}

/* That a key was lost, or a backup restored, does not let anybody move a beginning. */
static void a_beginning_is_not_excused_by_its_age(void **state)
{
    SEALED(state);
    deeds(r, "one", 9, true);
    tamper(r, "DELETE FROM audit_seal"); /* as a restore leaves it */
    seal_room_kill(r);
    seal_room_open(r);
    deeds(r, "one", 9, true);
    assert_holds(r);
    tamper(r, "UPDATE audit_chains SET base_seq = 4, base_at = 0, base_hash = (SELECT hash FROM "
              "audit WHERE workspace_id = 'one' AND seq = 4) WHERE workspace_id = 'one';"
              "DELETE FROM audit WHERE workspace_id = 'one' AND seq <= 4");
    assert_breaks(r, "base", "one", 4);
    seal_room_close(r);
}

/* ---- checkpoints ---- */

enum { ROUNDS = 8, ROUND_ROWS = 2 };

/* Eight checkpoints, each of two rows of "one", an hour apart. */
static void rounds(struct rooms *r)
{
    for (int i = 0; i < ROUNDS; i++) {
        r->cx.now_ms = ROOMS_NOW_MS + (int64_t)i * 3600000;
        deeds(r, "one", ROUND_ROWS, true);
    }
}

static int64_t round_ms(int round)
{
    return ROOMS_NOW_MS + (int64_t)round * 3600000;
}

/* Rows of "one" and checkpoints older than that. */
static int64_t retire(struct rooms *r, int64_t before_ms)
{
    struct purge p = { .before_ms = before_ms, .limit = 1000 };
    int64_t removed;
    assert_ok(&r->cx, db_write(&r->cx, purge, &p));
    assert_ok(&r->cx, seal_purge_checkpoints(&r->cx, before_ms, 1000, &removed));
    assert_int_equal(seal_tick(r->app.seal, r->cx.now_ms, true), OK);
    return removed;
}

static enum err first_read(struct cx *cx, void *arg)
{
    return seal_first_load(cx, arg);
}

static void assert_first(struct rooms *r, int64_t generation, int64_t number)
{
    struct seal_first f;
    assert_ok(&r->cx, db_read(&r->cx, first_read, &f));
    assert_false(f.forged);
    assert_int_equal(f.generation, generation);
    assert_int_equal(f.number, number);
}

static int64_t first_of_file(struct rooms *r)
{
    char path[128];
    long long number = 0;
    snprintf(path, sizeof path, "%s/checkpoints.log", r->folder);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_int_equal(
        fscanf(f, "{\"checkpoint\":{\"v\":1,\"generation\":1,\"number\":%lld,", &number), 1);
    fclose(f);
    return number;
}

static void old_checkpoints_go_with_the_rows_that_they_signed(void **state)
{
    SEALED(state);
    rounds(r);
    assert_int_equal(verified(r, true).checkpoints, ROUNDS);
    assert_int_equal(retire(r, round_ms(3)), 3);
    assert_first(r, 1, 4);
    assert_int_equal(count_type(r, "LOG_ANCHORED"), 2); /* of the chain, and of the checkpoints */
    struct verify_report v = verified(r, true);
    assert_holds(r);
    assert_int_equal(v.checkpoints, ROUNDS - 3 + 1);
    assert_int_equal(v.generations, 1);
    /* A quarter of the file could go, and did. */
    assert_int_equal(first_of_file(r), 4);
    assert_int_equal(v.file_lines, v.checkpoints);
    assert_int_equal(v.retired, 0);
    assert_int_equal(retire(r, round_ms(3)), 0);
    assert_int_equal(retire(r, round_ms(4)), 1);
    assert_first(r, 1, 5);
    v = verified(r, true);
    assert_holds(r);
    assert_int_equal(first_of_file(r), 4); /* one line is not worth it */
    assert_int_equal(v.retired, 1);
    seal_room_close(r);
}

static void a_checkpoint_stays_while_a_row_stands_that_it_signed(void **state)
{
    SEALED(state);
    deeds(r, "one", 2, true);
    deeds(r, "one", 2, true);
    deeds(r, "two", 1, true); /* "two" keeps its row */
    rounds(r);
    assert_int_equal(retire(r, round_ms(5)), 2);
    assert_first(r, 1, 3);
    assert_holds(r);
    seal_room_close(r);
}

static void evidence_keeps_its_checkpoints(void **state)
{
    SEALED(state);
    rounds(r);
    tamper(r, "UPDATE audit_chains SET broken = '{\"seq\":1}' WHERE workspace_id = 'one'");
    assert_int_equal(retire(r, round_ms(5)), 0);
    tamper(r, "UPDATE audit_chains SET broken = NULL WHERE workspace_id = 'one'");
    /* Nor is what was altered removed, or what follows it. */
    tamper(r, "CREATE TABLE kept AS SELECT * FROM audit_checkpoints;"
              "UPDATE audit_checkpoints SET text = (SELECT text FROM kept WHERE number = 2) WHERE "
              "number = 3");
    assert_int_equal(retire(r, round_ms(5)), 1);
    assert_first(r, 1, 2);
    assert_breaks(r, "checkpoint", "", 0);
    tamper(r, "UPDATE audit_checkpoints SET text = (SELECT text FROM kept WHERE number = 3) WHERE "
              "number = 3; DROP TABLE kept");
    assert_holds(r);
    assert_int_equal(retire(r, round_ms(5)), 4);
    assert_holds(r);
    seal_room_close(r);
}

static void the_newest_checkpoint_stays(void **state)
{
    SEALED(state);
    rounds(r);
    int64_t removed;
    struct purge p = { .before_ms = INT64_MAX, .limit = 1000 };
    assert_ok(&r->cx, db_write(&r->cx, purge, &p));
    assert_int_equal(p.removed, ROUNDS * ROUND_ROWS);
    assert_ok(&r->cx, seal_purge_checkpoints(&r->cx, INT64_MAX, 3, &removed));
    assert_int_equal(removed, 3); /* no more than it may */
    assert_holds(r);
    assert_ok(&r->cx, seal_purge_checkpoints(&r->cx, INT64_MAX, 1000, &removed));
    assert_int_equal(removed, ROUNDS - 1 - 3);
    assert_first(r, 1, ROUNDS);
    assert_holds(r);
    deeds(r, "one", 2, true);
    assert_holds(r);
    seal_room_close(r);
}

#define KEEP "CREATE TABLE kept AS SELECT * FROM audit_checkpoints;"
#define PUT_BACK "DELETE FROM audit_checkpoints; INSERT INTO audit_checkpoints SELECT * FROM kept;"

/* Whoever removes checkpoints himself, at the beginning, inside or at the end, is found as before.
 */
static void only_retention_removes_checkpoints(void **state)
{
    SEALED(state);
    rounds(r);
    tamper(r, "CREATE TABLE all_kept AS SELECT * FROM audit_checkpoints");
    retire(r, round_ms(3));
    tamper(r, KEEP);
    assert_holds(r);
    tamper(r, "DELETE FROM audit_checkpoints WHERE number = 4");
    assert_breaks(r, "checkpoint", "", 0);
    assert_breaks_with_file(r, "checkpoint", "", 0);
    tamper(r, PUT_BACK "DELETE FROM audit_checkpoints WHERE number = 6");
    assert_breaks(r, "checkpoint", "", 0);
    tamper(r, PUT_BACK "DELETE FROM audit_checkpoints WHERE number = (SELECT max(number) FROM "
                       "audit_checkpoints)");
    assert_breaks(r, "checkpoint", "", 0);
    tamper(r, PUT_BACK "DELETE FROM audit_checkpoints WHERE number > 4");
    assert_breaks(r, "checkpoint", "", 0);
    tamper(r, "DELETE FROM audit_checkpoints");
    assert_breaks(r, "checkpoint", "", 0);
    /* An old line in the place of the first one. */
    tamper(r, PUT_BACK "UPDATE audit_checkpoints SET text = (SELECT text FROM all_kept WHERE "
                       "number = 2) WHERE number = 4");
    assert_breaks(r, "checkpoint", "", 0);
    /* What was removed, put back in part. */
    tamper(r, PUT_BACK "INSERT INTO audit_checkpoints SELECT * FROM all_kept WHERE number = 3");
    assert_breaks(r, "checkpoint", "", 0);
    tamper(r, PUT_BACK);
    assert_holds(r);
    tamper(r, "DROP TABLE kept; DROP TABLE all_kept");
    seal_room_close(r);
}

static void nobody_else_moves_the_beginning_of_the_checkpoints(void **state)
{
    SEALED(state);
    rounds(r);
    tamper(r, "CREATE TABLE all_kept AS SELECT * FROM audit_checkpoints;"
              "INSERT INTO installation (name, value, updated_at) VALUES ('log.first', "
              "'{\"generation\":1,\"number\":1}', 1)");
    assert_breaks(r, "base", "", 0);
    tamper(r, "DELETE FROM installation WHERE name = 'log.first'");
    assert_int_equal(retire(r, round_ms(2)), 2);
    tamper(r, "CREATE TABLE kept_first AS SELECT * FROM installation WHERE name = 'log.first'");
    assert_int_equal(retire(r, round_ms(4)), 2);
    tamper(r, KEEP);
    /* Forward, with the lines: its MAC is of another line. */
    tamper(r, "UPDATE installation SET value = replace(value, '\"number\":5', '\"number\":6') "
              "WHERE name = 'log.first'; DELETE FROM audit_checkpoints WHERE number < 6");
    assert_breaks(r, "base", "", 0);
    assert_breaks_with_file(r, "checkpoint", "", 0);
    /* Away: then the first ought to be 1/1. */
    tamper(r, PUT_BACK "DELETE FROM installation WHERE name = 'log.first'");
    assert_breaks(r, "checkpoint", "", 0);
    /* An old one again: then its lines are missing. */
    tamper(r, "INSERT INTO installation SELECT * FROM kept_first");
    assert_breaks(r, "checkpoint", "", 0);
    /* With its lines it is what it was: nothing is lost by that, and nothing is hidden. */
    tamper(r, "INSERT INTO audit_checkpoints SELECT * FROM all_kept WHERE number IN (3, 4)");
    assert_holds(r);
    /* And a server goes on from what retention left, not from what others did. */
    tamper(r, "UPDATE installation SET value = replace(value, '\"number\":3', '\"number\":6') "
              "WHERE name = 'log.first'");
    assert_int_equal(retire(r, round_ms(6)), 0);
    assert_breaks(r, "base", "", 0);
    tamper(r, "DROP TABLE kept; DROP TABLE kept_first; DROP TABLE all_kept");
    seal_room_close(r);
}

static void a_lost_root_key_takes_the_beginnings_over(void **state)
{
    SEALED(state);
    rounds(r);
    assert_int_equal(retire(r, round_ms(3)), 3);
    seal_room_close(r);
    seal_room_vault(r, "another root key, for the old is gone");
    seal_room_open(r);
    deeds(r, "one", 3, true);
    struct verify_report v = verified(r, true);
    assert_holds(r);
    assert_int_equal(v.generations, 2);
    assert_int_equal(retire(r, round_ms(5)), 2);
    assert_holds(r);
    tamper(r, "DELETE FROM audit_checkpoints WHERE number = 6");
    assert_breaks(r, "checkpoint", "", 0);
    seal_room_close(r);
}

static void a_restored_backup_keeps_the_beginning(void **state)
{
    SEALED(state);
    rounds(r);
    assert_int_equal(retire(r, round_ms(3)), 3);
    tamper(r, "DELETE FROM audit_seal");
    seal_room_kill(r);
    seal_room_open(r);
    deeds(r, "one", 3, true);
    assert_holds(r);
    assert_first(r, 1, 4);
    /* Over the border of generations. */
    r->cx.now_ms = round_ms(ROUNDS + 2);
    deeds(r, "one", 3, true);
    struct purge p = { .before_ms = round_ms(ROUNDS + 1), .limit = 1000 };
    struct purge system = { .before_ms = p.before_ms, .limit = 1000, .workspace = "" };
    assert_ok(&r->cx, db_write(&r->cx, purge, &p));
    assert_ok(&r->cx, db_write(&r->cx, purge, &system));
    int64_t removed;
    assert_ok(&r->cx, seal_purge_checkpoints(&r->cx, p.before_ms, 1000, &removed));
    struct seal_first f;
    assert_ok(&r->cx, db_read(&r->cx, first_read, &f));
    assert_int_equal(f.generation, 2);
    assert_int_equal(seal_tick(r->app.seal, r->cx.now_ms, true), OK);
    assert_holds(r);
    seal_room_close(r);
}

/* A node that was away while retention went on. */
static void a_file_that_ends_before_the_beginning_is_no_break(void **state)
{
    SEALED(state);
    char path[128];
    rounds(r);
    seal_room_kill(r);
    snprintf(path, sizeof path, "%s/checkpoints.log", r->folder);
    FILE *f = fopen(path, "re");
    int c;
    off_t at = 0;
    for (int lines = 0; lines < 2 && (c = fgetc(f)) != EOF; at++)
        lines += c == '\n';
    fclose(f);
    assert_int_equal(truncate(path, at), 0);
    r->app.audit = audit_log_new(&r->app);
    struct seal_options elsewhere = { 0 };
    char error[256];
    assert_true(seal_open(&r->app, &elsewhere, &r->app.seal, error, sizeof error));
    assert_int_equal(retire(r, round_ms(4)), 4);
    seal_close(r->app.seal);
    seal_room_open(r);
    assert_int_equal(seal_tick(r->app.seal, r->cx.now_ms, false), OK);
    assert_int_equal(audit_log_flush(r->app.audit, r->cx.now_ms, true), OK);
    audit_log_free(r->app.audit);
    r->app.audit = NULL;
    assert_int_equal(count_type(r, "LOG_CHAIN_BROKEN"), 0);
    deeds(r, "one", 1, true);
    assert_holds(r);
    seal_room_close(r);
}

static void an_export_says_where_it_begins(void **state)
{
    SEALED(state);
    struct export_counts counts;
    struct export_report report;
    char path[128];
    rounds(r);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(retire(r, round_ms(3)), i == 0 ? 3 : 0);
        snprintf(path, sizeof path, "%s/export%d", r->folder, i);
        assert_ok(&r->cx, export_write(&r->cx, str_of(path), i ? STR("one") : STR_NULL, &counts));
        assert_ok(&r->cx, export_verify(&r->cx, str_of(path), &report));
        assert_null(report.broken);
        assert_int_equal(report.first_generation, 1);
        assert_int_equal(report.first_number, 4);
        assert_int_equal(report.checkpoints, counts.checkpoints);
    }
    seal_room_close(r);
}

/* Retention that overtakes a verification, in as many places as it happens to. */
static void *retire_all(void *arg)
{
    struct cx cx = *(const struct cx *)arg;
    int64_t removed;
    cx.arena = arena_new(0);
    if (seal_purge_checkpoints(&cx, INT64_MAX, 1000, &removed) != OK || removed == 0)
        abort();
    arena_free(cx.arena);
    return NULL;
}

static void a_log_is_verified_while_retention_goes_on(void **state)
{
    SEALED(state);
    enum { LINES = 260, TIMES = 20 };
    struct purge p = { .before_ms = INT64_MAX, .limit = 1000 };
    pthread_t thread;
    for (int i = 0; i < LINES; i++)
        deeds(r, "one", 1, true);
    assert_ok(&r->cx, db_write(&r->cx, purge, &p));
    tamper(r, KEEP);
    for (int i = 0; i < TIMES; i++) {
        struct cx other = r->cx;
        tamper(r, PUT_BACK "DELETE FROM installation WHERE name = 'log.first'");
        pthread_create(&thread, NULL, retire_all, &other);
        struct verify_report v = verified(r, false);
        pthread_join(thread, NULL);
        assert_int_equal(v.breaks_count, 0);
    }
    assert_first(r, 1, LINES);
    assert_holds(r);
    tamper(r, "DROP TABLE kept");
    seal_room_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(retention_keeps_the_rest_provable),
        ROOMS_TEST(a_beginning_is_not_excused_by_its_age),
        ROOMS_TEST(old_checkpoints_go_with_the_rows_that_they_signed),
        ROOMS_TEST(a_checkpoint_stays_while_a_row_stands_that_it_signed),
        ROOMS_TEST(evidence_keeps_its_checkpoints),
        ROOMS_TEST(the_newest_checkpoint_stays),
        ROOMS_TEST(only_retention_removes_checkpoints),
        ROOMS_TEST(nobody_else_moves_the_beginning_of_the_checkpoints),
        ROOMS_TEST(a_lost_root_key_takes_the_beginnings_over),
        ROOMS_TEST(a_restored_backup_keeps_the_beginning),
        ROOMS_TEST(a_file_that_ends_before_the_beginning_is_no_break),
        ROOMS_TEST(an_export_says_where_it_begins),
        ROOMS_TEST(a_log_is_verified_while_retention_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
