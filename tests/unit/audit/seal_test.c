/* The sealed log: whatever is done to rows, heads and checkpoints shows, by name and place; a
 * killed sealer, a restored backup, a lost key and a clock that jumps leave a log that holds. Many
 * writers: seal_writers_test.c; retention: seal_purge_test.c. On both engines. */
#include "seal_room.h"

#include "unit/op_call.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/audit_sql.h"
#include "audit/export.h"
#include "audit/record.h"
#include "db/driver.h"
#include "unit/rooms_sql.h"

/* ---- an honest log ---- */

static void an_honest_log_holds(void **state)
{
    SEALED(state);
    deeds(r, "one", 5, true);
    deeds(r, "two", 3, false);
    deeds(r, "one", 4, true);
    struct verify_report v = verified(r, true);
    assert_int_equal(v.breaks_count, 0);
    assert_int_equal(v.events, 12);
    assert_int_equal(v.chains, 2);
    assert_int_equal(v.unsealed, 0);
    assert_int_equal(v.checkpoints, v.file_lines);
    assert_true(v.checkpoints >= 2);
    seal_room_close(r);
}

static void what_waits_is_named(void **state)
{
    SEALED(state);
    struct seal *s = r->app.seal;
    int n = 4;
    deeds(r, "one", 2, true);
    deeds(r, "one", 3, false);
    r->app.seal = NULL; /* nobody seals */
    assert_ok(&r->cx, db_write(&r->cx, seal_room_append, &n));
    r->app.seal = s;
    struct verify_report v = verified(r, true);
    assert_int_equal(v.breaks_count, 0);
    assert_int_equal(v.unsealed, 4);
    assert_int_equal(v.unsigned_, 3);
    atomic_store(&s->leftovers, true);
    assert_int_equal(seal_tick(s, r->cx.now_ms, true), OK);
    v = verified(r, true);
    assert_int_equal(v.breaks_count, 0);
    assert_int_equal(v.unsealed + v.unsigned_, 0);
    assert_int_equal(v.events, 9);
    seal_room_close(r);
}

/* ---- attacks on rows ---- */

static void an_edit_shows(void **state)
{
    SEALED(state);
    deeds(r, "one", 20, true);
    tamper(r, "UPDATE audit SET actor_id = 'bob' WHERE workspace_id = 'one' AND seq = 7");
    assert_breaks(r, "edit", "one", 7);
    tamper(r, "UPDATE audit SET actor_id = 'ann' WHERE workspace_id = 'one' AND seq = 7");
    assert_holds(r);
    tamper(r, "UPDATE audit SET epoch = epoch + 1 WHERE workspace_id = 'one' AND seq = 20");
    assert_breaks(r, "edit", "one", 20);
    tamper(r, "UPDATE audit SET epoch = epoch - 1 WHERE workspace_id = 'one' AND seq = 20;"
              "UPDATE audit SET message = '' WHERE workspace_id = 'one' AND seq = 1");
    assert_breaks(r, "edit", "one", 1); /* NULL is not '' */
    tamper(r, "UPDATE audit SET hash = NULL WHERE workspace_id = 'one' AND seq = 1");
    assert_breaks(r, "unreadable", "one", 1);
    seal_room_close(r);
}

static void a_deleted_row_shows(void **state)
{
    SEALED(state);
    deeds(r, "one", 20, true);
    tamper(r, "DELETE FROM audit WHERE workspace_id = 'one' AND seq = 7");
    assert_breaks(r, "gap", "one", 7);
    tamper(r, "UPDATE audit SET seq = -seq WHERE workspace_id = 'one' AND seq > 7;"
              "UPDATE audit SET seq = -seq - 1 WHERE workspace_id = 'one' AND seq < 0");
    assert_breaks(r, "gap", "one", 7); /* those behind have moved up */
    seal_room_close(r);
}

static void the_first_and_the_last_row_count(void **state)
{
    SEALED(state);
    deeds(r, "one", 5, true);
    deeds(r, "two", 5, true);
    tamper(r, "DELETE FROM audit WHERE workspace_id = 'one' AND seq = 1;"
              "DELETE FROM audit WHERE workspace_id = 'two' AND seq = 5");
    assert_breaks(r, "gap", "one", 1);
    assert_breaks(r, "cut", "two", 5);
    tamper(r, "DELETE FROM audit WHERE workspace_id = 'one'");
    assert_breaks(r, "cut", "one", 1);
    seal_room_close(r);
}

#define COPY_ROW                                                                                   \
    "INSERT INTO audit (id, workspace_id, created_at, action, outcome, actor_kind, count, seq, "   \
    "hash, epoch) SELECT 'forged', workspace_id, created_at, action, outcome, actor_kind, count, "

static void an_inserted_row_shows(void **state)
{
    SEALED(state);
    deeds(r, "one", 20, true);
    tamper(r, "UPDATE audit SET seq = -seq WHERE workspace_id = 'one' AND seq >= 7;"
              "UPDATE audit SET seq = -seq + 1 WHERE workspace_id = 'one' AND seq < 0;" COPY_ROW
              "7, hash, epoch FROM audit WHERE workspace_id = 'one' AND seq = 6");
    assert_breaks(r, "insert", "one", 7);
    tamper(r, "DELETE FROM audit WHERE id = 'forged';"
              "UPDATE audit SET seq = -seq WHERE workspace_id = 'one' AND seq > 7;"
              "UPDATE audit SET seq = -seq - 1 WHERE workspace_id = 'one' AND seq < 0");
    assert_holds(r);
    tamper(r, COPY_ROW "21, hash, epoch FROM audit WHERE workspace_id = 'one' AND seq = 20");
    assert_breaks(r, "insert", "one", 21); /* behind the head */
    tamper(r, "UPDATE audit SET workspace_id = 'nowhere' WHERE id = 'forged'");
    assert_breaks(r, "insert", "nowhere", 1); /* a chain of its own */
    seal_room_close(r);
}

#define EXCHANGE(a, b)                                                                             \
    "UPDATE audit SET seq = -1 WHERE workspace_id = 'one' AND seq = " #a ";"                       \
    "UPDATE audit SET seq = " #a " WHERE workspace_id = 'one' AND seq = " #b ";"                   \
    "UPDATE audit SET seq = " #b " WHERE workspace_id = 'one' AND seq = -1"

static void another_order_shows(void **state)
{
    SEALED(state);
    deeds(r, "one", 20, true);
    tamper(r, EXCHANGE(7, 8));
    assert_breaks(r, "reorder", "one", 7);
    tamper(r, EXCHANGE(7, 8));
    assert_holds(r);
    tamper(r, EXCHANGE(3, 15));
    assert_breaks(r, "reorder", "one", 3);
    seal_room_close(r);
}

static void rows_do_not_change_tenants(void **state)
{
    SEALED(state);
    deeds(r, "one", 9, true);
    deeds(r, "two", 9, true);
    tamper(r, "UPDATE audit SET workspace_id = 'x' WHERE workspace_id = 'one' AND seq = 5;"
              "UPDATE audit SET workspace_id = 'one' WHERE workspace_id = 'two' AND seq = 5;"
              "UPDATE audit SET workspace_id = 'two' WHERE workspace_id = 'x' AND seq = 5");
    assert_breaks(r, "swap", "one", 5);
    assert_breaks(r, "swap", "two", 5);
    seal_room_close(r);
}

/* ---- attacks on the end ---- */

static enum err keep_heads(struct cx *cx, void *arg)
{
    (void)arg;
    return db_exec(cx, STR("CREATE TABLE kept AS SELECT * FROM audit_chains"));
}

#define PUT_HEADS_BACK                                                                             \
    "UPDATE audit_chains SET seq = (SELECT seq FROM kept k WHERE k.workspace_id = "                \
    "audit_chains.workspace_id), hash = (SELECT hash FROM kept k WHERE k.workspace_id = "          \
    "audit_chains.workspace_id), epoch = (SELECT epoch FROM kept k WHERE k.workspace_id = "        \
    "audit_chains.workspace_id), mac = (SELECT mac FROM kept k WHERE k.workspace_id = "            \
    "audit_chains.workspace_id), signed_seq = (SELECT signed_seq FROM kept k WHERE "               \
    "k.workspace_id = audit_chains.workspace_id);"

/* Rows, head and all behind a checkpoint are gone, and the old head is put back. */
static void a_tail_cut_before_a_checkpoint_shows(void **state)
{
    SEALED(state);
    deeds(r, "one", 5, true);
    assert_ok(&r->cx, db_write(&r->cx, keep_heads, NULL));
    deeds(r, "one", 5, true);
    tamper(r, PUT_HEADS_BACK "DELETE FROM audit WHERE workspace_id = 'one' AND seq > 5");
    assert_breaks(r, "cut", "one", 10);
    /* The checkpoint goes too: the sealed state knows that there was one, */
    tamper(r, "DELETE FROM audit_checkpoints WHERE number = (SELECT max(number) FROM "
              "audit_checkpoints)");
    assert_breaks(r, "checkpoint", "", 0);
    /* and so does the file, which says what is missing. */
    assert_breaks_with_file(r, "cut", "one", 10);
    tamper(r, "DROP TABLE kept");
    seal_room_close(r);
}

/* What no checkpoint covers and is cut with its head put back is not found: the limit of what one
 * machine can know. docs/security/log.md says so; here it is so. */
static void a_tail_cut_behind_the_last_checkpoint_is_the_limit(void **state)
{
    SEALED(state);
    deeds(r, "one", 5, true);
    deeds(r, "one", 2, false);
    assert_ok(&r->cx, db_write(&r->cx, keep_heads, NULL));
    deeds(r, "one", 3, false);
    tamper(r, "DELETE FROM audit WHERE workspace_id = 'one' AND seq > 7");
    assert_breaks(r, "cut", "one", 8); /* the head knows */
    tamper(r, PUT_HEADS_BACK);
    assert_holds(r);
    /* A head of an earlier epoch is of no use. */
    deeds(r, "one", 1, true);
    tamper(r, "UPDATE audit_chains SET signed_seq = 0 WHERE workspace_id = 'one'");
    tamper(r, PUT_HEADS_BACK "DELETE FROM audit WHERE workspace_id = 'one' AND seq > 7");
    assert_breaks(r, "head", "one", 7);
    tamper(r, "DROP TABLE kept");
    seal_room_close(r);
}

struct forge {
    int64_t from;
    struct rooms *r;
};

static enum err forged_row(struct cx *cx, const struct seal_row_slice_row *row, void *arg)
{
    struct {
        struct seal_entry e[32];
        size_t count;
    } *all = arg;
    struct seal_entry e = SEAL_ENTRY_OF(row);
    e.seq = row->seq;
    e.epoch = row->epoch.value;
    for (size_t i = 0; i < SEAL_TEXTS; i++)
        if (str_given(e.texts[i]))
            e.texts[i] = str_copy(cx->arena, e.texts[i]);
    all->e[all->count++] = e;
    return OK;
}

/* Edits a row and recomputes every hash behind it, head included: all that needs no key. */
static enum err forge(struct cx *cx, void *arg)
{
    const struct forge *f = arg;
    struct {
        struct seal_entry e[32];
        size_t count;
    } all = { .count = 0 };
    uint8_t hash[SEAL_HASH_BYTES];
    char hex[2 * SEAL_HASH_BYTES];
    struct buf scratch;
    bool sqlite = f->r->engine == DB_SQLITE;
    struct seal_row_slice_in in = { STR("one"), 0, INT64_MAX, 32 };
    buf_init(&scratch, cx->arena, 65536);
    TRY(seal_row_slice(cx, &in, forged_row, &all));
    seal_genesis(STR("one"), hash);
    for (size_t i = 0; i < all.count; i++) {
        struct seal_entry *e = &all.e[i];
        if (e->seq == f->from)
            e->texts[SEAL_ACTOR_ID] = STR("bob");
        assert_true(seal_hash(e, hash, &scratch, hash));
        hex_encode(hash, sizeof hash, hex);
        TRY(db_exec(cx, str_fmt(cx->arena,
                                "UPDATE audit SET actor_id = '%.*s', hash = %s%.*s' WHERE "
                                "workspace_id = 'one' AND seq = %lld; UPDATE audit_chains SET hash "
                                "= %s%.*s' WHERE workspace_id = 'one'",
                                STR_ARG(e->texts[SEAL_ACTOR_ID]), sqlite ? "x'" : "'\\x",
                                (int)sizeof hex, hex, (long long)e->seq, sqlite ? "x'" : "'\\x",
                                (int)sizeof hex, hex)));
    }
    return OK;
}

static void recomputed_hashes_show(void **state)
{
    SEALED(state);
    deeds(r, "one", 10, true);
    deeds(r, "one", 5, false);
    struct forge behind = { 12, r }, before = { 4, r };
    assert_ok(&r->cx, db_write(&r->cx, forge, &behind));
    assert_breaks(r, "head", "one", 15); /* no key, no head */
    assert_ok(&r->cx, db_write(&r->cx, forge, &before));
    assert_breaks(r, "rewrite", "one", 10); /* the checkpoint has another hash */
    seal_room_close(r);
}

/* The next checkpoint does not make a forged tail good. */
static void a_forged_tail_is_not_signed_away(void **state)
{
    SEALED(state);
    deeds(r, "one", 10, true);
    deeds(r, "one", 5, false);
    struct forge behind = { 12, r };
    assert_ok(&r->cx, db_write(&r->cx, forge, &behind));
    assert_int_equal(seal_tick(r->app.seal, r->cx.now_ms, true), OK);
    assert_breaks(r, "head", "one", 15);
    deeds(r, "one", 5, true);
    assert_breaks(r, "head", "one", 15);
    seal_room_close(r);
}

/* ---- attacks on checkpoints ---- */

static void checkpoints_hold_each_other(void **state)
{
    SEALED(state);
    for (int i = 0; i < 4; i++)
        deeds(r, "one", 2, true);
    tamper(r, "CREATE TABLE kept AS SELECT * FROM audit_checkpoints");
#define PUT_BACK "DELETE FROM audit_checkpoints; INSERT INTO audit_checkpoints SELECT * FROM kept;"
    tamper(r, "DELETE FROM audit_checkpoints WHERE number = 2");
    assert_breaks(r, "checkpoint", "", 0);
    /* An old one in the place of a new one. */
    tamper(r,
           PUT_BACK "UPDATE audit_checkpoints SET text = (SELECT text FROM kept WHERE number = 2) "
                    "WHERE number = 3");
    assert_breaks(r, "checkpoint", "", 0);
    /* All but the first: what was signed last is gone. */
    tamper(r, PUT_BACK "DELETE FROM audit_checkpoints WHERE number > 1");
    assert_breaks(r, "checkpoint", "", 0);
    assert_breaks_with_file(r, "checkpoint", "", 0);
    tamper(r, "DELETE FROM audit_checkpoints");
    assert_breaks(r, "checkpoint", "", 0);
    tamper(r, PUT_BACK "DROP TABLE kept");
    assert_holds(r);
    seal_room_close(r);
}

static enum err resign(struct cx *cx, void *arg)
{
    struct seal_state now;
    struct seal_checkpoint_get_row row;
    struct checkpoint c;
    const char *why;
    bool found;
    TRY(seal_state_load(cx, &now));
    TRY(seal_checkpoint_get(cx, &(struct seal_checkpoint_get_in){ 1, 2 }, &row, &found));
    assert_true(found && checkpoint_read(cx->arena, row.text, &c, &why));
    (void)arg;
    c.heads[0].seq = 1;
    memcpy(c.key, now.keys.public_key, sizeof c.key);
    struct str line = checkpoint_write(cx->arena, &c, now.keys.seed);
    return db_exec(cx,
                   str_fmt(cx->arena, "UPDATE audit_checkpoints SET text = '%.*s' WHERE number = 2",
                           STR_ARG(line)));
}

/* Whoever has today's key, and all else, cannot say anything about yesterday. */
static void todays_key_does_not_sign_yesterday(void **state)
{
    SEALED(state);
    for (int i = 0; i < 4; i++)
        deeds(r, "one", 2, true);
    assert_ok(&r->cx, db_write(&r->cx, resign, NULL));
    assert_breaks(r, "checkpoint", "", 0);
    seal_room_close(r);
}

static enum err append_then_fail(struct cx *cx, void *arg)
{
    TRY(seal_room_append(cx, arg));
    FAIL(cx, CONFLICT, "No.");
}

static enum err nested(struct cx *cx, void *arg)
{
    int one = 1;
    TRY(seal_room_append(cx, &one));
    if (db_nested(cx, append_then_fail, arg) != ERR_CONFLICT)
        return cx_fault(cx, "it went through");
    cx_clear_failure(cx);
    return seal_room_append(cx, &one);
}

static void a_deed_that_fails_leaves_no_gap(void **state)
{
    SEALED(state);
    int n = 3;
    deeds(r, "one", 2, false);
    assert_int_equal(db_write(&r->cx, append_then_fail, &n), ERR_CONFLICT);
    assert_ok(&r->cx, db_write(&r->cx, nested, &n));
    deeds(r, "one", 2, true);
    struct verify_report v = verified(r, true);
    assert_int_equal(v.breaks_count, 0);
    assert_int_equal(v.events, 6);
    seal_room_close(r);
}

/* ---- time, death, restores ---- */

static void clocks_may_jump(void **state)
{
    SEALED(state);
    static const int64_t jumps_ms[] = { 0, -86400000, 3600000, -1000, 864000000, 5 };
    for (size_t i = 0; i < sizeof jumps_ms / sizeof *jumps_ms; i++) {
        r->cx.now_ms = ROOMS_NOW_MS + jumps_ms[i];
        deeds(r, "one", 3, false);
    }
    assert_int_equal(seal_tick(r->app.seal, 1, true), OK);
    assert_holds(r);
    /* A clock that has gone back does not hold up checkpoints for as long. */
    r->cx.now_ms = ROOMS_NOW_MS - 86400000;
    deeds(r, "one", 1, false);
    assert_int_equal(seal_tick(r->app.seal, 2, false), OK);
    assert_int_equal(seal_tick(r->app.seal, 0, false), OK);
    assert_holds(r);
    assert_int_equal(verified(r, false).unsigned_, 0);
    seal_room_close(r);
}

static void a_checkpoint_comes_by_count_or_by_time(void **state)
{
    SEALED(state);
    struct seal *s = r->app.seal;
    s->options.events_max = 10;
    deeds(r, "one", 1, true);
    int64_t now = atomic_load(&s->checkpoint_at_ms);
    rooms_as(r, "ann", "one");
    int n = 9, one = 1;
    assert_ok(&r->cx, db_write(&r->cx, seal_room_append, &n));
    assert_int_equal(seal_tick(s, now + 59999, false), OK);
    assert_int_equal(verified(r, false).unsigned_, 9);
    assert_ok(&r->cx, db_write(&r->cx, seal_room_append, &one));
    assert_int_equal(seal_tick(s, now + 59999, false), OK);
    assert_int_equal(verified(r, false).unsigned_, 0);
    assert_ok(&r->cx, db_write(&r->cx, seal_room_append, &one));
    assert_int_equal(seal_tick(s, now + 60000, false), OK);
    assert_int_equal(verified(r, false).unsigned_, 1);
    assert_int_equal(seal_tick(s, now + 59999 + 60000, false), OK);
    assert_int_equal(verified(r, false).unsigned_, 0);
    seal_room_close(r);
}

static void a_killed_sealer_goes_on(void **state)
{
    SEALED(state);
    deeds(r, "one", 5, true);
    deeds(r, "one", 5, false);
    seal_room_kill(r);
    /* Half a line in the file, as after a power cut. */
    char path[128];
    snprintf(path, sizeof path, "%s/checkpoints.log", r->folder);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "{\"checkpoint\":{\"v\"", 18), 18);
    close(fd);
    seal_room_open(r);
    deeds(r, "one", 5, true);
    struct verify_report v = verified(r, true);
    assert_int_equal(v.breaks_count, 0);
    assert_int_equal(v.events, 15);
    assert_int_equal(v.generations, 1);
    assert_int_equal(v.checkpoints, v.file_lines);
    seal_room_close(r);
}

static void a_restored_backup_begins_anew(void **state)
{
    SEALED(state);
    deeds(r, "one", 5, true);
    deeds(r, "one", 3, true);
    /* As a restore leaves it: the rows of an older day, and no secret. */
    tamper(r,
           "DELETE FROM audit_seal; DELETE FROM audit WHERE workspace_id = 'one' AND seq > 5;"
           "DELETE FROM audit_checkpoints WHERE number > 1;"
           "UPDATE audit_chains SET seq = 5, signed_seq = 5, number = 1, hash = (SELECT hash FROM "
           "audit WHERE workspace_id = 'one' AND seq = 5) WHERE workspace_id = 'one'");
    seal_room_kill(r);
    seal_room_open(r);
    deeds(r, "one", 4, true);
    struct verify_report v = verified(r, true);
    assert_holds(r);
    assert_int_equal(v.generations, 2);
    assert_true(v.superseded >= 1); /* the file knows what the backup did not have */
    assert_int_equal(v.events, 10); /* five, four, and that it was restored */
    assert_int_equal(count_type(r, "LOG_REANCHORED"), 1);
    seal_room_close(r);
}

/* Somebody who has no key cannot pretend that a backup was restored. */
static enum err false_generation(struct cx *cx, void *arg)
{
    uint8_t secret[SEAL_SECRET_BYTES] = { 9 };
    struct seal_keys k;
    struct seal_checkpoint_last_row last;
    bool found;
    TRY(seal_checkpoint_last(cx, &last, &found));
    struct checkpoint c = {
        .generation = 2, .number = 1, .at_ms = 1, .reason = STR("restored"), .after = last.number
    };
    memcpy(c.before, last.hash.ptr, sizeof c.before);
    seal_keys_of(secret, &k);
    memcpy(c.key, k.public_key, sizeof c.key);
    memcpy(c.next, k.public_key, sizeof c.next);
    struct str line = checkpoint_write(cx->arena, &c, k.seed);
    (void)arg;
    return db_exec(cx,
                   str_fmt(cx->arena,
                           "INSERT INTO audit_checkpoints (generation, number, created_at, hash, "
                           "text) SELECT 2, 1, 1, hash, '%.*s' FROM audit_checkpoints LIMIT 1",
                           STR_ARG(line)));
}

static void a_restore_cannot_be_pretended(void **state)
{
    SEALED(state);
    deeds(r, "one", 5, true);
    assert_ok(&r->cx, db_write(&r->cx, false_generation, NULL));
    assert_breaks(r, "checkpoint", "", 0);
    seal_room_close(r);
}

/* An older copy of the database file, put back without `opboxd restore`. */
static void a_rolled_back_database_shows(void **state)
{
    SEALED(state);
    deeds(r, "one", 5, true);
    tamper(r, "CREATE TABLE kept_chains AS SELECT * FROM audit_chains;"
              "CREATE TABLE kept_seal AS SELECT * FROM audit_seal");
    deeds(r, "one", 5, true);
    tamper(r, "DELETE FROM audit WHERE workspace_id = 'one' AND seq > 5;"
              "DELETE FROM audit_checkpoints WHERE number = (SELECT max(number) FROM "
              "audit_checkpoints);"
              "DELETE FROM audit_chains; INSERT INTO audit_chains SELECT * FROM kept_chains;"
              "DELETE FROM audit_seal; INSERT INTO audit_seal SELECT * FROM kept_seal");
    assert_holds_at(r, false, __FILE__, __LINE__); /* by itself it is whole: an honest past */
    assert_breaks_with_file(r, "cut", "one", 10);  /* the file has seen more */
    seal_room_kill(r);
    r->app.audit = audit_log_new(&r->app);
    seal_room_open(r); /* and the next start says so, as an event */
    assert_int_equal(seal_tick(r->app.seal, r->cx.now_ms, false), OK);
    assert_int_equal(audit_log_flush(r->app.audit, r->cx.now_ms, true), OK);
    audit_log_free(r->app.audit);
    r->app.audit = NULL;
    assert_int_equal(count_type(r, "LOG_CHAIN_BROKEN"), 1);
    tamper(r, "DROP TABLE kept_chains; DROP TABLE kept_seal");
    seal_room_close(r);
}

static void a_lost_root_key_does_not_end_the_log(void **state)
{
    SEALED(state);
    deeds(r, "one", 5, true);
    seal_room_close(r);
    seal_room_vault(r, "another root key, for the old is gone");
    seal_room_open(r);
    deeds(r, "one", 5, true);
    struct verify_report v = verified(r, true);
    assert_int_equal(v.generations, 2);
    assert_holds(r);
    seal_room_close(r);
}

/* ---- export ---- */

/* However many chains there are. */
static void a_break_is_noted_in_its_chain(void **state)
{
    SEALED(state);
    enum { CHAINS = 510 };
    const struct op *verify = op_find(log_ops, log_ops_count, "verify_log");
    void *in = arena_alloc(r->arena, verify->in_size),
         *out = arena_alloc(r->arena, verify->out_size);
    int one = 1;
    for (int i = 0; i < CHAINS; i++) {
        rooms_as(r, "ann", str_cstr(r->arena, str_fmt(r->arena, "w%03d", i)));
        assert_ok(&r->cx, db_write(&r->cx, seal_room_append, &one));
    }
    assert_int_equal(seal_tick(r->app.seal, r->cx.now_ms, true), OK);
    tamper(r, "UPDATE audit SET message = 'x' WHERE workspace_id = 'w509' AND seq = 1");
    assert_ok(&r->cx, verify->run(&r->cx, in, out));
    struct op_call c = { .op = op_find(audit_ops, audit_ops_count, "list_security_events"),
                         .arguments = "{}" };
    rooms_as(r, "ann", "w508");
    assert_ok(&r->cx, op_call(r, &c));
    assert_int_equal(json_get(json_get(&c.answer, "chain"), "firstBreak")->type, JSON_NULL);
    rooms_as(r, "ann", "w509");
    assert_ok(&r->cx, op_call(r, &c));
    assert_str(json_text(json_get(json_get(&c.answer, "chain"), "firstBreak"), "kind"), "edit");
    assert_int_equal(count_type(r, "LOG_CHAIN_BROKEN"), 1);
    seal_room_close(r);
}

static struct str chain_member(struct rooms *r, const char *workspace, const char *member)
{
    struct op_call c = { .op = op_find(audit_ops, audit_ops_count, "list_security_events"),
                         .arguments = "{}" };
    rooms_as(r, "ann", workspace);
    assert_ok(&r->cx, op_call(r, &c));
    const struct json *value = json_get(json_get(&c.answer, "chain"), member);
    return value->type == JSON_STRING ? value->text : STR_NULL;
}

/* Proved is what stood there then; what does not hold, or could not be found out, is not. */
static void a_chain_says_when_it_was_proved(void **state)
{
    SEALED(state);
    struct verify_report report;
    struct verify_options o = { .threads = 1 };
    atomic_bool stop = true;
    deeds(r, "one", 5, true);
    deeds(r, "two", 5, true);
    assert_false(str_given(chain_member(r, "one", "verifiedAt")));
    o.stop = &stop;
    assert_int_equal(seal_verify_keep(&r->cx, &o, &report), ERR_SHUTTING_DOWN);
    assert_false(str_given(chain_member(r, "one", "verifiedAt")));
    stop = false;
    assert_ok(&r->cx, seal_verify_keep(&r->cx, &o, &report));
    struct str first = str_copy(r->arena, chain_member(r, "one", "verifiedAt"));
    assert_true(str_given(first));
    assert_true(str_eq(chain_member(r, "two", "verifiedAt"), first));
    tamper(r, "UPDATE audit SET message = 'x' WHERE workspace_id = 'two' AND seq = 2");
    r->cx.now_ms += 60000;
    assert_ok(&r->cx, seal_verify_keep(&r->cx, &o, &report));
    assert_int_equal(report.breaks_count, 1);
    struct str second = str_copy(r->arena, chain_member(r, "one", "verifiedAt"));
    assert_false(str_eq(second, first));
    assert_true(str_eq(chain_member(r, "two", "verifiedAt"), first));
    /* Without its checkpoints no chain is proved. */
    tamper(r, "DELETE FROM audit_checkpoints WHERE number = 1");
    r->cx.now_ms += 60000;
    assert_ok(&r->cx, seal_verify_keep(&r->cx, &o, &report));
    assert_true(str_eq(chain_member(r, "one", "verifiedAt"), second));
    seal_room_close(r);
}

static void an_export_proves_itself(void **state)
{
    SEALED(state);
    struct export_counts counts;
    struct export_report report;
    char path[128], bad[128], text[65536];
    snprintf(path, sizeof path, "%s/export", r->folder);
    snprintf(bad, sizeof bad, "%s/bad", r->folder);
    deeds(r, "one", 12, true);
    deeds(r, "two", 4, true);
    deeds(r, "one", 3, false);
    assert_ok(&r->cx, export_write(&r->cx, str_of(path), STR_NULL, &counts));
    assert_int_equal(counts.rows, 19);
    assert_ok(&r->cx, export_verify(&r->cx, str_of(path), &report));
    assert_null(report.broken);
    assert_int_equal(report.rows, 19);
    assert_int_equal(report.chains, 2);
    assert_int_equal(report.checkpoints, counts.checkpoints);
    assert_int_equal(export_write(&r->cx, str_of(path), STR_NULL, &counts), ERR_CONFLICT);
    int fd = open(path, O_RDONLY);
    ssize_t len = read(fd, text, sizeof text);
    close(fd);
    assert_true(len > 0 && len < (ssize_t)sizeof text);
    for (ssize_t i = 0; i < len; i += 7) {
        text[i] ^= 4;
        fd = open(bad, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(write(fd, text, (size_t)len), len);
        close(fd);
        assert_ok(&r->cx, export_verify(&r->cx, str_of(bad), &report));
        assert_non_null(report.broken);
        text[i] ^= 4;
    }
    seal_room_close(r);
}

static struct str file_text(struct arena *a, const char *path)
{
    char *text = arena_alloc_raw(a, 1 << 20);
    int fd = open(path, O_RDONLY);
    ssize_t len = read(fd, text, 1 << 20);
    close(fd);
    assert_true(len > 0 && len < 1 << 20);
    return (struct str){ text, (size_t)len };
}

/* The export with every checkpoint's chain of "one" hidden as well, as its keeper could. */
static void hide_all(struct arena *a, struct str text, const char *path)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    while (text.len) {
        struct str line = str_split(&text, '\n'), out = line;
        const char *why;
        if (str_starts(line, STR("{\"checkpoint\":")))
            assert_true(checkpoint_hide(a, line, STR("nobody"), &out, &why));
        fprintf(f, "%.*s\n", STR_ARG(out));
    }
    fclose(f);
}

/* What a tenant is given proves its chain and names nobody else. */
static void an_export_of_one_workspace_names_no_other(void **state)
{
    SEALED(state);
    struct export_counts counts;
    struct export_report report;
    char path[128], bad[128];
    snprintf(path, sizeof path, "%s/export", r->folder);
    snprintf(bad, sizeof bad, "%s/bad", r->folder);
    deeds(r, "two", 4, true);
    deeds(r, "one", 12, true);
    deeds(r, "two", 2, false);
    deeds(r, "one", 3, true);
    assert_ok(&r->cx, export_write(&r->cx, str_of(path), STR("one"), &counts));
    assert_int_equal(counts.rows, 15);
    struct str text = file_text(r->cx.arena, path);
    assert_int_equal(str_find(text, STR("\"two\"")), SIZE_MAX);
    assert_int_not_equal(str_find(text, STR("\"one\"")), SIZE_MAX);
    assert_ok(&r->cx, export_verify(&r->cx, str_of(path), &report));
    assert_null(report.broken);
    assert_int_equal(report.rows, 15);
    assert_int_equal(report.checkpoints, counts.checkpoints);
    /* Its lines are the server's own for `log verify --checkpoints`. */
    char lines[128];
    snprintf(lines, sizeof lines, "%s/lines", r->folder);
    FILE *f = fopen(lines, "we");
    for (struct str rest = text; rest.len;) {
        struct str line = str_split(&rest, '\n');
        if (str_starts(line, STR("{\"checkpoint\":")))
            fprintf(f, "%.*s\n", STR_ARG(line));
    }
    fclose(f);
    struct verify_options o = { .files = { str_of(lines) } };
    struct verify_report v;
    assert_ok(&r->cx, seal_verify(&r->cx, &o, &v));
    assert_int_equal(v.breaks_count, 0);
    assert_int_equal(v.file_lines, counts.checkpoints);
    /* Who hides its own chain too, to rewrite it, is found out. */
    hide_all(r->cx.arena, text, bad);
    assert_ok(&r->cx, export_verify(&r->cx, str_of(bad), &report));
    assert_string_equal(report.broken, "a checkpoint hides what it says about the chain");
    seal_room_close(r);
}

/* Copies hide; the table does not, or rows could be rewritten behind what it hides. */
static enum err hide_in_table(struct cx *cx, void *arg)
{
    struct seal_checkpoint_get_row row;
    struct str hidden;
    const char *why;
    bool found;
    (void)arg;
    TRY(seal_checkpoint_get(cx, &(struct seal_checkpoint_get_in){ 1, 2 }, &row, &found));
    assert_true(found && checkpoint_hide(cx->arena, row.text, STR("nobody"), &hidden, &why));
    return db_exec(cx,
                   str_fmt(cx->arena, "UPDATE audit_checkpoints SET text = '%.*s' WHERE number = 2",
                           STR_ARG(hidden)));
}

static void a_checkpoint_that_hides_in_the_table_shows(void **state)
{
    SEALED(state);
    deeds(r, "one", 5, true);
    deeds(r, "one", 5, true);
    assert_holds(r);
    assert_ok(&r->cx, db_write(&r->cx, hide_in_table, NULL));
    assert_breaks(r, "checkpoint", "", 0);
    seal_room_close(r);
}

/* ---- the n-th call fails ---- */

static void faults(struct rooms *r, enum db_result result, enum db_fault_how how)
{
    struct db_fault fault = { .result = result, .how = how, .fail_count = 1 };
    const struct db_driver *driver =
        r->engine == DB_SQLITE ? &db_driver_fault_sqlite : &db_driver_fault_pgsql;
    int64_t n = 1, expected = 0;
    bool hit = true;
    for (; hit; n++) {
        atomic_store(&fault.calls, 0);
        fault.fail_from = 0;
        assert_true(rooms_reopen(r, driver, &fault));
        seal_room_open(r);
        atomic_store(&fault.calls, 0);
        fault.fail_from = n;
        int two = 2;
        for (int i = 0; i < 3; i++) {
            rooms_as(r, "ann", i % 2 ? "one" : "two");
            bool kept = db_write(&r->cx, seal_room_append, &two) == OK;
            expected += kept ? 2 : 0;
            seal_tick(r->app.seal, r->cx.now_ms, i == 1);
        }
        hit = atomic_load(&fault.calls) >= n;
        fault.fail_from = 0;
        assert_int_equal(seal_tick(r->app.seal, r->cx.now_ms, true), OK);
        if (n % 10 == 0 || !hit)
            assert_holds(r);
        seal_close(r->app.seal);
        arena_clear(r->arena, 1 << 16);
    }
    assert_true(n > 20);
    assert_true(rooms_reopen(r, NULL, NULL));
    seal_room_open(r);
    struct verify_report v = verified(r, true);
    assert_int_equal(v.breaks_count, 0);
    if (how == DB_FAULT_BEFORE)
        assert_int_equal(v.events, expected);
}

static void failing_calls_leave_a_log_that_holds(void **state)
{
    ROOMS(state);
    seal_room_vault(r, "a root key for the tests of the seal");
    faults(r, DB_IO, DB_FAULT_BEFORE);
    seal_room_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(an_honest_log_holds),
        ROOMS_TEST(what_waits_is_named),
        ROOMS_TEST(an_edit_shows),
        ROOMS_TEST(a_deleted_row_shows),
        ROOMS_TEST(the_first_and_the_last_row_count),
        ROOMS_TEST(an_inserted_row_shows),
        ROOMS_TEST(another_order_shows),
        ROOMS_TEST(rows_do_not_change_tenants),
        ROOMS_TEST(a_tail_cut_before_a_checkpoint_shows),
        ROOMS_TEST(a_tail_cut_behind_the_last_checkpoint_is_the_limit),
        ROOMS_TEST(recomputed_hashes_show),
        ROOMS_TEST(a_forged_tail_is_not_signed_away),
        ROOMS_TEST(checkpoints_hold_each_other),
        ROOMS_TEST(todays_key_does_not_sign_yesterday),
        ROOMS_TEST(a_deed_that_fails_leaves_no_gap),
        ROOMS_TEST(clocks_may_jump),
        ROOMS_TEST(a_checkpoint_comes_by_count_or_by_time),
        ROOMS_TEST(a_killed_sealer_goes_on),
        ROOMS_TEST(a_restored_backup_begins_anew),
        ROOMS_TEST(a_restore_cannot_be_pretended),
        ROOMS_TEST(a_rolled_back_database_shows),
        ROOMS_TEST(a_lost_root_key_does_not_end_the_log),
        ROOMS_TEST(a_break_is_noted_in_its_chain),
        ROOMS_TEST(a_chain_says_when_it_was_proved),
        ROOMS_TEST(an_export_proves_itself),
        ROOMS_TEST(an_export_of_one_workspace_names_no_other),
        ROOMS_TEST(a_checkpoint_that_hides_in_the_table_shows),
        ROOMS_TEST(failing_calls_leave_a_log_that_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
