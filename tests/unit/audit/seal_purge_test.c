/* Retention of the log: what is left stays provable, and nobody but retention removes anything. On
 * both engines. */
#include "seal_room.h"

/* ---- retention ---- */

struct purge {
    int64_t before_ms, limit, removed;
};
static enum err purge(struct cx *cx, void *arg)
{
    struct purge *p = arg;
    return seal_purge(cx, STR("one"), p->before_ms, p->limit, &p->removed);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOMS_TEST(retention_keeps_the_rest_provable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
