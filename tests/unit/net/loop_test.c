/* Messages of a loop: in the order of their sender, those to itself before it sleeps, and never so
 * many that others starve. */
#include "net/loop.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

enum { MESSAGES = 1000 };

struct numbered {
    struct loop_msg msg;
    int number;
};

static struct numbered numbered[MESSAGES];
static int taken[MESSAGES];
static int taken_count;
static int rests;
static sem_t done;
static atomic_bool chain_ends;

static void on_last(struct loop_msg *m)
{
    sem_post(&done);
}

static void on_numbered(struct loop_msg *m)
{
    taken[taken_count++] = ((struct numbered *)m)->number;
}

static void in_order(void)
{
    assert_int_equal(taken_count, MESSAGES);
    for (int i = 0; i < MESSAGES; i++)
        assert_int_equal(taken[i], i);
    taken_count = 0;
}

static void post_all(struct loop *l, struct loop_msg *last)
{
    for (int i = 0; i < MESSAGES; i++) {
        numbered[i] = (struct numbered){ { .fn = on_numbered }, i };
        loop_post(l, &numbered[i].msg);
    }
    loop_post(l, last);
}

static struct loop_msg last_of_all;

static void on_post_to_itself(struct loop_msg *m)
{
    post_all(loop_current(), &last_of_all);
    assert_int_equal(taken_count, 0); /* later, also when it is its own */
}

static void test_order(void **state)
{
    struct loops *ls = loops_start(1);
    struct loop_msg start = { .fn = on_post_to_itself };
    last_of_all.fn = on_last;
    post_all(loops_at(ls, 0), &last_of_all);
    sem_wait(&done);
    in_order();
    loop_post(loops_at(ls, 0), &start);
    sem_wait(&done);
    in_order();
    loops_stop(ls);
}

/* Sends itself to its loop again and again. */
static void on_chain(struct loop_msg *m)
{
    if (!atomic_load(&chain_ends))
        loop_post(loop_current(), m);
    else
        sem_post(&done);
}

static void on_rest(void *arg)
{
    rests++;
}

static void on_begin_rest(struct loop_msg *m)
{
    loop_on_rest(loop_current(), on_rest, NULL);
    sem_post(&done);
}

static void on_end_rest(struct loop_msg *m)
{
    loop_on_rest(loop_current(), NULL, NULL);
    sem_post(&done);
}

static void test_a_chain_starves_nobody(void **state)
{
    struct loops *ls = loops_start(1);
    struct loop *l = loops_at(ls, 0);
    struct loop_msg begin = { .fn = on_begin_rest }, chain = { .fn = on_chain },
                    other = { .fn = on_last }, end = { .fn = on_end_rest };
    loop_post(l, &begin);
    sem_wait(&done);
    loop_post(l, &chain);
    loop_post(l, &other); /* comes although the chain has no end */
    sem_wait(&done);
    atomic_store(&chain_ends, true);
    sem_wait(&done);
    loop_post(l, &end);
    sem_wait(&done);
    loops_stop(ls);
    assert_true(rests > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_order),
                                        cmocka_unit_test(test_a_chain_starves_nobody) };
    sem_init(&done, 0, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
