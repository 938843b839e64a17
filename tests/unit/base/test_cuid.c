/* Shape, order, and no id twice over threads; client-made ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/cuid.h"

#define THREADS 4
#define IDS_EACH 5000

static char ids[THREADS][IDS_EACH][CUID_BYTES];

static void shape(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct str id = cuid_new(a, 1795486466000);
    assert_int_equal(id.len, 25);
    assert_true(cuid_valid(id));
    assert_false(cuid_valid(str_sub(id, 0, 24)));
    assert_false(cuid_valid(STR("c00000000000000000000000A")));
    assert_false(cuid_valid(STR("d000000000000000000000000")));
    assert_false(cuid_valid(STR_NULL));
    random_seed_for_tests(5);
    struct str x = cuid_new(a, 1);
    random_seed_for_tests(5);
    struct str y = cuid_new(a, 1);
    random_seed_for_tests(0);
    assert_memory_equal(x.ptr, "c00000001", 9);
    assert_memory_equal(x.ptr + 13, y.ptr + 13, 12); /* the counter differs, the rest is fixed */
    assert_true(str_cmp(x, y) < 0);
    arena_free(a);
}

static void order(void **state)
{
    (void)state;
    struct arena *a = arena_new(0);
    struct str last = cuid_new(a, 1795486466000);
    for (int i = 1; i < 20000; i++) { /* 100 a millisecond */
        struct str id = cuid_new(a, 1795486466000 + i / 100);
        assert_true(str_cmp(last, id) < 0);
        last = id;
    }
    arena_free(a);
}

/* Past the step where the counter would wrap: each millisecond still ascends. */
static void order_over_the_wrap(void **state)
{
    (void)state;
    char last[CUID_BYTES], id[CUID_BYTES];
    random_seed_for_tests(1); /* fast */
    cuid_make(1795486466000, last);
    for (int i = 1; i < 2000000; i++) {
        cuid_make(1795486466000 + i / 1000, id);
        assert_true(memcmp(last, id, CUID_BYTES) < 0);
        memcpy(last, id, CUID_BYTES);
    }
    random_seed_for_tests(0);
}

static void *make_ids(void *arg)
{
    char(*mine)[CUID_BYTES] = arg;
    for (int i = 0; i < IDS_EACH; i++)
        cuid_make(1795486466000, mine[i]);
    return NULL;
}

static int id_order(const void *a, const void *b)
{
    return memcmp(a, b, CUID_BYTES);
}

static void threads(void **state)
{
    (void)state;
    pthread_t handles[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&handles[i], NULL, make_ids, ids[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(handles[i], NULL);
    for (int t = 0; t < THREADS; t++) {
        for (int i = 1; i < IDS_EACH; i++)
            assert_true(id_order(ids[t][i - 1], ids[t][i]) < 0);
    }
    qsort(ids, (size_t)THREADS * IDS_EACH, CUID_BYTES, id_order);
    char(*all)[CUID_BYTES] = &ids[0][0];
    for (int i = 1; i < THREADS * IDS_EACH; i++)
        assert_true(memcmp(all[i - 1], all[i], 13) < 0); /* the counter alone tells them apart */
}

static void client_ids(void **state)
{
    (void)state;
    char text[65];
    memset(text, 'x', sizeof text);
    assert_true(client_id_valid((struct str){ text, 64 }));
    assert_false(client_id_valid((struct str){ text, 65 }));
    assert_true(client_id_valid(STR("AZaz09._:-")));
    assert_false(client_id_valid(STR("")) || client_id_valid(STR_NULL) ||
                 client_id_valid(STR("a b")) || client_id_valid(STR("a/b")) ||
                 client_id_valid(STR("\xc3\xbc")) || client_id_valid(STR("a\0")));
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape),
        cmocka_unit_test(order),
        cmocka_unit_test(order_over_the_wrap),
        cmocka_unit_test(threads),
        cmocka_unit_test(client_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
