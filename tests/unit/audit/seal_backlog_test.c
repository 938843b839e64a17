/* A sealer that is outrun: checkpoints come all the same, the oldest rows first, and an end does
 * not wait for the backlog. On both engines (SQLite: rows that a restore left unsealed).
 *
 * The writer is faster by construction: a driver around the engine's own writes more than a batch
 * of new rows whenever the sealer is about to ask for one. */
#include "seal_room.h"

#include <semaphore.h>

#include "db/driver.h"

static const struct db_driver *engine_driver;
static struct db_driver outrunning_driver;
static struct {
    int batches, most; /* of new rows; so far, and until the writer rests */
    int checkpoints;   /* made so far */
    int least;         /* checkpoints that were there when the writer came, less the batches */
    int other_at;      /* the batch in which a row of "two" was sealed */
    sem_t running;
} seen;

static enum db_result rows_add(struct db_conn *c)
{
    char text[512];
    int from = ++seen.batches * 1200;
    snprintf(text, sizeof text,
             "INSERT INTO audit (id, workspace_id, created_at, action, outcome, actor_kind)"
             " WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             " SELECT 'r' || CAST(1000000 + i AS text), 'one', %lld + i, 'x', 'OK', 'USER' FROM n",
             from, from + 1199, (long long)ROOMS_NOW_MS);
    return engine_driver->exec(c, text);
}

static bool is_called(const struct db_call *call, const char *name)
{
    return strcmp(call->stmt->name, name) == 0;
}

static enum db_result outrunning_run(struct db_conn *c, struct db_call *call)
{
    if (is_called(call, "seal_checkpoint_add"))
        seen.checkpoints++;
    if (is_called(call, "seal_rows_set") && !seen.other_at && str_is(call->params[0].s, "two"))
        seen.other_at = seen.batches;
    if (is_called(call, "seal_unsealed_list") && seen.batches < seen.most) {
        if (seen.checkpoints - seen.batches < seen.least)
            seen.least = seen.checkpoints - seen.batches;
        enum db_result res = rows_add(c);
        if (res != DB_DONE)
            return res;
        if (seen.batches == 3)
            sem_post(&seen.running);
    }
    return engine_driver->run(c, call);
}

/* An open seal behind which `most` batches of rows will come. */
static void outrun(struct rooms *r, int most)
{
    engine_driver = r->engine == DB_SQLITE ? &db_driver_sqlite : &db_driver_pgsql;
    outrunning_driver = *engine_driver;
    outrunning_driver.run = outrunning_run;
    memset(&seen, 0, sizeof seen);
    sem_init(&seen.running, 0, 0);
    assert_true(rooms_reopen(r, &outrunning_driver, NULL));
    seal_room_open(r);
    seen.most = most;
}

static void a_checkpoint_comes_with_each_thousand_rows(void **state)
{
    ROOMS(state);
    outrun(r, 12);
    assert_int_equal(seal_tick(r->app.seal, ROOMS_NOW_MS, false), OK);
    assert_int_equal(seen.batches, 12);
    /* The first batch came before there was anything to sign. */
    assert_true(seen.least >= -1);
    assert_int_equal(seal_tick(r->app.seal, ROOMS_NOW_MS, true), OK);
    struct verify_report v = verified(r, true);
    assert_int_equal(v.breaks_count, 0);
    assert_int_equal(v.unsealed + v.unsigned_, 0);
    assert_int_equal(v.checkpoints, v.file_lines);
    seal_room_close(r);
}

static void the_oldest_rows_are_sealed_first(void **state)
{
    ROOMS(state);
    outrun(r, 5);
    tamper(r, "INSERT INTO audit (id, workspace_id, created_at, action, outcome, actor_kind)"
              " VALUES ('zz', 'two', 1, 'x', 'OK', 'USER')");
    assert_int_equal(seal_tick(r->app.seal, ROOMS_NOW_MS, true), OK);
    assert_int_equal(seen.batches, 5);
    assert_int_equal(seen.other_at, 1);
    assert_holds(r);
    seal_room_close(r);
}

static void an_end_does_not_wait_for_the_backlog(void **state)
{
    ROOMS(state);
    enum { ENDLESS = 400 };
    outrun(r, ENDLESS);
    seal_start(r->app.seal);
    while (sem_wait(&seen.running) != 0)
        ;
    seal_close(r->app.seal);
    assert_true(seen.batches < ENDLESS);
    /* What was sealed is signed; the rest is sealed at the next start. */
    seal_room_open(r);
    struct verify_report v = verified(r, true);
    assert_int_equal(v.breaks_count, 0);
    assert_int_equal(v.unsigned_, 0);
    assert_true(v.unsealed > 0);
    seen.most = 0;
    assert_int_equal(seal_tick(r->app.seal, ROOMS_NOW_MS, true), OK);
    v = verified(r, true);
    assert_int_equal(v.breaks_count, 0);
    assert_int_equal(v.unsealed + v.unsigned_, 0);
    seal_room_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(a_checkpoint_comes_with_each_thousand_rows),
        ROOMS_TEST(the_oldest_rows_are_sealed_first),
        ROOMS_TEST(an_end_does_not_wait_for_the_backlog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
