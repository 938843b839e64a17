/* Arena, buffer, secrets: limits, reuse, release in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/secret.h"

static void arena_gives_aligned_zeroes(void **state)
{
    (void)state;
    struct arena *a = arena_new(64);
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *p = arena_alloc(a, size);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, size);
    }
    int *numbers = arena_array(a, 10, sizeof *numbers);
    assert_int_equal(numbers[9], 0);
    arena_free(a);
    arena_free(NULL);
}

static void arena_reuses_its_chunks(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    char *keep = arena_alloc(a, 8);
    memcpy(keep, "keep me", 8);
    struct arena_mark m = arena_mark(a);
    size_t held = 0;
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 100; i++)
            memset(arena_alloc_raw(a, 1000), round, 1000);
        memset(arena_alloc_raw(a, 600000), round, 600000); /* larger than any chunk */
        if (round == 0)
            held = arena_bytes(a);
        assert_int_equal(arena_bytes(a), held);
        arena_reset(a, m);
        unsigned char *p = arena_alloc(a, 1000);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(p[i], 0);
        arena_reset(a, m);
    }
    assert_string_equal(keep, "keep me");
    assert_true(held > 700000);
    arena_clear(a, 8192);
    assert_true(arena_bytes(a) <= 8192 && arena_bytes(a) > 0);
    arena_clear(a, 0);
    assert_int_equal(arena_bytes(a), 0);
    memset(arena_alloc_raw(a, 100), 1, 100);
    arena_free(a);
}

/* However often it was cleared, and whatever it held: it takes no more than what it is asked for.
 */
static void arena_begins_small_after_clearing(void **state)
{
    (void)state;
    struct arena *a = arena_new(1024);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < round * 10; i++)
            arena_alloc_raw(a, 1000);
        arena_clear(a, 0);
        arena_alloc_raw(a, 100);
        assert_int_equal(arena_bytes(a), 1024);
        arena_clear(a, 1024);
        assert_int_equal(arena_bytes(a), 1024);
        for (int i = 0; i < 2; i++)
            arena_alloc_raw(a, 900);
        assert_int_equal(arena_bytes(a), 1024 + 2048);
        arena_clear(a, 0);
    }
    arena_free(a);
}

static char order[16];
static void arena_extends_the_newest(void **state)
{
    (void)state;
    struct arena *a = arena_new(1024);
    char *first = arena_alloc_raw(a, 100);
    memset(first, 'x', 100);
    assert_true(arena_extend(a, first, 100, 500));
    assert_memory_equal(first, "xxxx", 4);
    memset(first, 'y', 500);
    char *second = arena_alloc_raw(a, 16);
    assert_true(second >= first + 500);
    assert_false(arena_extend(a, first, 500, 600));  /* not the newest any more */
    assert_false(arena_extend(a, second, 16, 4096)); /* no room behind it */
    assert_true(arena_extend(a, second, 16, 17));
    memset(second, 'z', 17);
    assert_memory_equal(first, "yyyy", 4);
    arena_free(a);
}

/* A text that is written alone takes its size of the arena, not that of all it has grown through.
 */
static void buffer_grows_in_place(void **state)
{
    (void)state;
    struct arena *a = arena_new(64 * 1024);
    struct buf b;
    buf_init(&b, a, 1 << 20);
    buf_put_byte(&b, 'a');
    const char *at = b.ptr;
    for (int i = 0; i < 30000; i++)
        buf_put_byte(&b, 'b');
    assert_ptr_equal(b.ptr, at);
    assert_int_equal(arena_bytes(a), 64 * 1024);
    arena_free(a);
}

static void note(void *arg)
{
    strncat(order, arg, sizeof order - strlen(order) - 1);
}

static void defers_run_newest_first(void **state)
{
    (void)state;
    static char names[][2] = { "a", "b", "c", "d" };
    order[0] = '\0';
    struct arena *a = arena_new(0);
    arena_defer(a, note, names[0]);
    struct arena_mark m = arena_mark(a);
    arena_defer(a, note, names[1]);
    arena_alloc(a, 300000);
    arena_defer(a, note, names[2]);
    arena_reset(a, m);
    assert_string_equal(order, "cb");
    arena_defer(a, note, names[3]);
    arena_free(a);
    assert_string_equal(order, "cbda");
}

static void arena_overflow_aborts(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        freopen("/dev/null", "w", stderr);
        signal(SIGABRT, SIG_DFL);
        arena_array(arena_new(0), SIZE_MAX / 4, 8);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void buffer_keeps_its_bound(void **state)
{
    struct arena *arenas[] = { NULL, arena_new(0) };
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct buf b;
        buf_init(&b, arenas[i], 300);
        assert_string_equal(buf_str(&b).ptr, "");
        for (int k = 0; k < 29; k++)
            buf_put_cstr(&b, "0123456789");
        assert_int_equal(b.len, 290);
        assert_false(b.overflow);
        buf_put_cstr(&b, "01234567890");
        assert_true(b.overflow);
        assert_int_equal(b.len, 290);
        buf_put_byte(&b, 'x'); /* would fit, but there is a hole before it */
        buf_printf(&b, "%d", 1);
        assert_null(buf_reserve(&b, 1));
        assert_int_equal(b.len, 290);
        assert_true(b.cap <= 300);
        buf_clear(&b);
        buf_printf(&b, "%0300d", 7);
        assert_int_equal(b.len, 300);
        assert_false(b.overflow);
        buf_consume(&b, 298);
        assert_true(str_is(buf_str(&b), "07"));
        buf_consume(&b, 2);
        buf_put_i64(&b, INT64_MIN);
        buf_put_byte(&b, ' ');
        buf_put_i64(&b, 0);
        assert_true(str_is(buf_str(&b), "-9223372036854775808 0"));
        buf_put_str(&b, STR_NULL);
        memcpy(buf_reserve(&b, 3), "abc", 3);
        b.len += 3;
        assert_true(str_ends(buf_str(&b), STR("0abc")));
        assert_null(buf_reserve(&b, SIZE_MAX));
        buf_release(&b);
        assert_int_equal(b.len, 0);
    }
    buf_release(NULL);
    arena_free(arenas[1]);
}

static void secrets_are_kept(void **state)
{
    (void)state;
    struct secret *s = secret_new(STR("a secret\0 with NUL"));
    assert_true(str_eq(secret_bytes(s), STR("a secret\0 with NUL")));
    assert_int_equal(secret_len(s), 18);
    secret_free(s);
    s = secret_random(10000); /* more than a page */
    struct secret *other = secret_random(10000);
    assert_int_equal(secret_len(s), 10000);
    assert_false(str_eq(secret_bytes(s), secret_bytes(other)));
    secret_free(s);
    secret_free(other);
    secret_free(NULL);
    assert_false(str_given(secret_bytes(NULL)));
    assert_int_equal(secret_len(NULL), 0);
}

/* In a child: dumps off, no memory may be locked, and the bytes can't be written. */
static void secrets_without_mlock(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_MEMLOCK, &none);
        struct secret *s = secret_new(STR("0123456789abcdef"));
        secret_forbid_dumps();
        struct rlimit core;
        getrlimit(RLIMIT_CORE, &core);
        if (core.rlim_cur != 0 || !str_is(secret_bytes(s), "0123456789abcdef"))
            _exit(1);
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        *(volatile char *)(uintptr_t)secret_bytes(s).ptr = 'x';
        _exit(2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_aligned_zeroes),
        cmocka_unit_test(arena_reuses_its_chunks),
        cmocka_unit_test(defers_run_newest_first),
        cmocka_unit_test(arena_overflow_aborts),
        cmocka_unit_test(buffer_keeps_its_bound),
        cmocka_unit_test(secrets_are_kept),
        cmocka_unit_test(secrets_without_mlock),
        cmocka_unit_test(arena_extends_the_newest),
        cmocka_unit_test(buffer_grows_in_place),
        cmocka_unit_test(arena_begins_small_after_clearing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
