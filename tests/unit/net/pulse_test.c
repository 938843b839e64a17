/* A pulse is felt while every loop turns, is missed while one does not, and comes back with it. */
#include "net/pulse.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { LOOPS = 2 };

/* Holds its loop until it is let go. */
struct holder {
    struct loop_msg msg;
    sem_t held, go;
};

static void hold(struct loop_msg *m)
{
    struct holder *h = (struct holder *)m;
    sem_post(&h->held);
    sem_wait(&h->go);
}

/* Posted behind a beat: messages of one sender keep their order, so the beat was taken when it
 * is. */
struct passer {
    struct loop_msg msg;
    sem_t passed;
};

static void pass(struct loop_msg *m)
{
    sem_post(&((struct passer *)m)->passed);
}

static void wait_until_taken(struct loops *ls, int i)
{
    struct passer p = { .msg.fn = pass };
    sem_init(&p.passed, 0, 0);
    loop_post(loops_at(ls, i), &p.msg);
    sem_wait(&p.passed);
    sem_destroy(&p.passed);
}

static void test_pulse(void **state)
{
    struct loops *ls = loops_start(LOOPS);
    struct pulse *p = pulse_new(ls);
    struct holder h = { .msg.fn = hold };
    sem_init(&h.held, 0, 0);
    sem_init(&h.go, 0, 0);
    assert_true(pulse_felt(p));
    for (int i = 0; i < LOOPS; i++)
        wait_until_taken(ls, i);
    loop_post(loops_at(ls, 1), &h.msg);
    sem_wait(&h.held);
    assert_true(pulse_felt(p)); /* the beats before were taken */
    wait_until_taken(ls, 0);
    assert_false(pulse_felt(p));
    wait_until_taken(ls, 0);
    assert_false(pulse_felt(p)); /* and again, with the same beat under way */
    sem_post(&h.go);
    for (int i = 0; i < LOOPS; i++)
        wait_until_taken(ls, i);
    assert_true(pulse_felt(p));
    loops_stop(ls);
    pulse_free(p);
    sem_destroy(&h.held);
    sem_destroy(&h.go);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_pulse) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
