/* Guarded fetches: whatever a URL is written like, no byte reaches an address that is not public.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/names.h"
#include "net/probe.h"
#include "net/upstream.h"

static void answer_all(struct upstream *u, int fd, int nth)
{
    (void)nth;
    while (upstream_skip(u, fd))
        upstream_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

static enum fetch_end ask(struct world *w, bool guarded, const char *host, int port)
{
    struct probe p;
    probe_init(&p, w, "http://%s:%d/", host, port);
    p.rq.guarded = guarded;
    probe_run(&p);
    enum fetch_end end = p.result.end;
    assert_int_equal(p.dones, 1);
    if (end == FETCH_REFUSED) {
        assert_false(p.result.sent);
        assert_int_equal(p.result.status, 0);
        assert_string_equal(p.result.sentence, "The URL leads to an address that is not public.");
    }
    probe_release(&p);
    return end;
}

static const char *const forms[] = {
    "127.0.0.1",       "localhost",
    "LOCALHOST",       "a.localhost",
    "[::1]",           "0.0.0.0",
    "2130706433",      "0x7f000001",
    "0x7f.1",          "127.1",
    "0177.0.0.1",      "017700000001",
    "127.0.1",         "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "0",
    "127.127.127.127", "loop.test",
    "loop6.test",      "mapped.test",
};

static const struct name names[] = { { "loop.test", { "127.0.0.1" } },
                                     { "loop6.test", { "::1" } },
                                     { "mapped.test", { "::ffff:127.0.0.1" } },
                                     { "metadata.test", { "169.254.169.254" } },
                                     { "ten.test", { "10.0.0.1" } },
                                     { "many.test", { "10.0.0.1", "127.0.0.1", "::1" } },
                                     { "public.test", { "127.0.0.1" } },
                                     { NULL, { NULL } } };

static void no_form_of_loopback_is_reached(void **state)
{
    struct world *w = *state;
    struct upstream u = { .script = answer_all };
    names_set(names);
    upstream_start(&u);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        enum fetch_end end = ask(w, true, forms[i], u.port);
        if (end != FETCH_REFUSED)
            fail_msg("%s ended with %d", forms[i], end);
    }
    assert_int_equal(atomic_load(&u.connections), 0);
    assert_int_equal(ask(w, false, "127.1", u.port), FETCH_WHOLE);
    fetcher_stop(w->fetcher);
    upstream_stop(&u);
}

static void private_names_are_refused(void **state)
{
    static const char *const hosts[] = { "metadata.test",   "ten.test",  "many.test",
                                         "169.254.169.254", "[fd00::1]", "[fe80::1]",
                                         "192.168.0.1" };
    names_set(names);
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        assert_int_equal(ask(*state, true, hosts[i], 80), FETCH_REFUSED);
}

/* The connection that an unguarded fetch has made, and that is kept, is no way round. */
static void a_kept_connection_is_no_way_round(void **state)
{
    struct world *w = *state;
    struct upstream u = { .script = answer_all };
    names_set(names);
    upstream_start(&u);
    static const char *const hosts[] = { "127.0.0.1", "loop.test", "localhost" };
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(w, false, hosts[i], u.port), FETCH_WHOLE);
        int requests = atomic_load(&u.requests);
        assert_int_equal(ask(w, true, hosts[i], u.port), FETCH_REFUSED);
        assert_int_equal(ask(w, true, hosts[i], u.port), FETCH_REFUSED);
        assert_int_equal(atomic_load(&u.requests), requests);
        assert_int_equal(ask(w, false, hosts[i], u.port), FETCH_WHOLE);
    }
    fetcher_stop(w->fetcher);
    upstream_stop(&u);
}

static void what_is_allowed_is_reached_until_it_is_not(void **state)
{
    struct world *w = *state;
    struct upstream u = { .script = answer_all };
    struct str bad;
    names_set(names);
    upstream_start(&u);
    assert_true(fetcher_reload(w->fetcher, STR("127.0.0.1/32"), &bad));
    assert_int_equal(ask(w, true, "127.0.0.1", u.port), FETCH_WHOLE);
    assert_int_equal(ask(w, true, "loop.test", u.port), FETCH_WHOLE);
    assert_int_equal(ask(w, true, "127.0.0.2", u.port), FETCH_REFUSED);
    assert_false(fetcher_reload(w->fetcher, STR("127.0.0.1/99"), &bad));
    assert_true(str_is(bad, "127.0.0.1/99"));
    assert_int_equal(ask(w, true, "127.0.0.1", u.port), FETCH_WHOLE);
    int requests = atomic_load(&u.requests);
    assert_true(fetcher_reload(w->fetcher, STR(""), &bad)); /* a connection is still kept */
    assert_int_equal(ask(w, true, "127.0.0.1", u.port), FETCH_REFUSED);
    assert_int_equal(atomic_load(&u.requests), requests);
    fetcher_stop(w->fetcher);
    upstream_stop(&u);
}

/* The name leads elsewhere the second time (DNS rebinding): each connect looks for itself. */
static void a_name_that_changes_is_looked_at_each_time(void **state)
{
    static const struct name before[] = { { "loop.test", { "127.0.0.1" } }, { NULL, { NULL } } };
    static const struct name after[] = { { "loop.test", { "127.0.0.2" } }, { NULL, { NULL } } };
    struct world *w = *state;
    struct upstream u = { .script = answer_all };
    struct str bad;
    names_set(before);
    upstream_start(&u);
    assert_true(fetcher_reload(w->fetcher, STR("127.0.0.1"), &bad));
    assert_int_equal(ask(w, true, "loop.test", u.port), FETCH_WHOLE);
    names_set(after);
    /* The kept connection leads where it was allowed to; on the other loop there is none. */
    struct probe p;
    probe_init(&p, w, "http://loop.test:%d/", u.port);
    p.loop = loops_at(w->loops, 1);
    p.rq.guarded = true;
    probe_run(&p);
    assert_int_equal(p.result.end, FETCH_REFUSED);
    probe_release(&p);
    fetcher_stop(w->fetcher);
    upstream_stop(&u);
}

/* Of several addresses the admitted one is taken. */
static void the_admitted_address_of_several_is_taken(void **state)
{
    struct world *w = *state;
    struct upstream u = { .script = answer_all };
    struct str bad;
    names_set(names);
    upstream_start(&u);
    assert_true(fetcher_reload(w->fetcher, STR("127.0.0.0/8"), &bad));
    assert_int_equal(ask(w, true, "many.test", u.port), FETCH_WHOLE);
    fetcher_stop(w->fetcher);
    upstream_stop(&u);
}

static void redirect_home(struct upstream *u, int fd, int nth)
{
    (void)nth;
    if (upstream_skip(u, fd))
        upstream_say(
            fd, "HTTP/1.1 307 T\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
}

static void a_redirect_is_not_followed(void **state)
{
    struct world *w = *state;
    struct upstream u = { .script = redirect_home };
    struct str bad;
    upstream_start(&u);
    assert_true(fetcher_reload(w->fetcher, STR("127.0.0.1"), &bad));
    assert_int_equal(ask(w, true, "127.0.0.1", u.port), FETCH_WHOLE);
    assert_int_equal(atomic_load(&u.requests), 1);
    upstream_stop(&u);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(no_form_of_loopback_is_reached),
        TEST(private_names_are_refused),
        TEST(a_kept_connection_is_no_way_round),
        TEST(what_is_allowed_is_reached_until_it_is_not),
        TEST(a_name_that_changes_is_looked_at_each_time),
        TEST(the_admitted_address_of_several_is_taken),
        TEST(a_redirect_is_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
