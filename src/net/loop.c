/* Goals: messages to a loop cost one lock-free push, and one wake-up for all that queue meanwhile;
 * a loop's messages to itself cost neither: they are read before it sleeps. Non-goals: balancing;
 * who listens decides where work lands. Invariants: `inbox` is a stack that only the loop empties,
 * all at once, and then reverses, so that messages of one sender keep their order; it is emptied
 * where sockets are read and nowhere else, so that what a message of another thread closes is
 * closed before its next one comes; nothing is posted after loops_stop has begun. */
#include "net/loop.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <uv.h>

#include "base/clock.h"
#include "net/thread.h"

/* Rounds of messages that beget messages before the sockets have their turn. */
enum { OWN_ROUNDS = 16 };

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_check_t turn;
    uv_prepare_t rest;
    void (*on_rest)(void *arg);
    void *on_rest_arg;
    _Atomic(struct loop_msg *) inbox;
    struct loop_msg *own, **own_end; /* to itself, in their order */
    atomic_bool stopping;
    int index;
    int64_t wall_ms, monotonic_ms;
    pthread_t thread;
};
struct loops {
    int count;
    struct loop *loops;
};

static _Thread_local struct loop *current_loop;

static void read_clocks(struct loop *l)
{
    l->wall_ms = clock_wall_ms();
    l->monotonic_ms = clock_monotonic_ms();
}

static void on_turn(uv_check_t *c)
{
    read_clocks(c->data);
}

static void messages_run(struct loop_msg *m)
{
    while (m) {
        struct loop_msg *next = m->next;
        m->fn(m);
        m = next;
    }
}

static void inbox_run(struct loop *l)
{
    struct loop_msg *in_order = NULL;
    struct loop_msg *m = atomic_exchange(&l->inbox, NULL);
    while (m) {
        struct loop_msg *next = m->next;
        m->next = in_order;
        in_order = m;
        m = next;
    }
    messages_run(in_order);
}

static void own_run(struct loop *l)
{
    struct loop_msg *m = l->own;
    l->own = NULL;
    l->own_end = &l->own;
    messages_run(m);
}

static void on_wake(uv_async_t *a)
{
    struct loop *l = a->data;
    read_clocks(l);
    inbox_run(l);
    if (atomic_load(&l->stopping)) {
        own_run(l);
        uv_close((uv_handle_t *)&l->wake, NULL);
        uv_close((uv_handle_t *)&l->turn, NULL);
        uv_close((uv_handle_t *)&l->rest, NULL);
    }
}

/* Before the loop sleeps. */
static void on_rest(uv_prepare_t *p)
{
    struct loop *l = p->data;
    for (int round = 0; l->own && round < OWN_ROUNDS; round++)
        own_run(l);
    if (l->own)
        uv_async_send(&l->wake);
    if (l->on_rest)
        l->on_rest(l->on_rest_arg);
}

void loop_post(struct loop *l, struct loop_msg *m)
{
    if (current_loop == l) {
        m->next = NULL;
        *l->own_end = m;
        l->own_end = &m->next;
        return;
    }
    struct loop_msg *head = atomic_load(&l->inbox);
    do {
        m->next = head;
    } while (!atomic_compare_exchange_weak(&l->inbox, &head, m));
    if (!head)
        uv_async_send(&l->wake);
}

void loop_on_rest(struct loop *l, void (*fn)(void *arg), void *arg)
{
    assert(current_loop == l);
    l->on_rest = fn;
    l->on_rest_arg = arg;
}

static void *loop_main(void *arg)
{
    struct loop *l = arg;
    current_loop = l;
    uv_run(&l->uv, UV_RUN_DEFAULT);
    current_loop = NULL;
    return NULL;
}

static void loop_start(struct loop *l, int index)
{
    char name[32]; /* thread_start cuts it */
    l->index = index;
    l->own_end = &l->own;
    if (uv_loop_init(&l->uv) != 0 || uv_async_init(&l->uv, &l->wake, on_wake) != 0)
        abort();
    uv_check_init(&l->uv, &l->turn);
    uv_check_start(&l->turn, on_turn);
    uv_unref((uv_handle_t *)&l->turn);
    uv_prepare_init(&l->uv, &l->rest);
    uv_prepare_start(&l->rest, on_rest);
    uv_unref((uv_handle_t *)&l->rest);
    l->wake.data = l->turn.data = l->rest.data = l;
    read_clocks(l);
    snprintf(name, sizeof name, "loop-%d", index % 1000);
    thread_start(&l->thread, name, THREAD_STACK_BYTES, loop_main, l);
}

struct loops *loops_start(int count)
{
    struct loops *ls = calloc(1, sizeof *ls);
    assert(count > 0);
    if (!ls || !(ls->loops = calloc((size_t)count, sizeof *ls->loops)))
        abort();
    ls->count = count;
    for (int i = 0; i < count; i++)
        loop_start(&ls->loops[i], i);
    return ls;
}

int loops_count(const struct loops *ls)
{
    return ls->count;
}

struct loop *loops_at(struct loops *ls, int i)
{
    assert(i >= 0 && i < ls->count);
    return &ls->loops[i];
}

void loops_stop(struct loops *ls)
{
    if (!ls)
        return;
    for (int i = 0; i < ls->count; i++) {
        atomic_store(&ls->loops[i].stopping, true);
        uv_async_send(&ls->loops[i].wake);
    }
    for (int i = 0; i < ls->count; i++) {
        pthread_join(ls->loops[i].thread, NULL);
        uv_loop_close(&ls->loops[i].uv);
    }
    free(ls->loops);
    free(ls);
}

struct loop *loop_current(void)
{
    return current_loop;
}

int loop_index(const struct loop *l)
{
    return l->index;
}

struct uv_loop_s *loop_uv(struct loop *l)
{
    return &l->uv;
}

int64_t loop_wall_ms(const struct loop *l)
{
    return l->wall_ms;
}

int64_t loop_monotonic_ms(const struct loop *l)
{
    return l->monotonic_ms;
}

/* ---- timers ---- */

struct loop_timer {
    uv_timer_t uv;
    void (*fn)(void *arg);
    void *arg;
};

static void on_timer_closed(uv_handle_t *h)
{
    free(h);
}

static void on_timer(uv_timer_t *uv)
{
    struct loop_timer *t = (struct loop_timer *)uv;
    void (*fn)(void *) = t->fn;
    void *arg = t->arg;
    uv_close((uv_handle_t *)uv, on_timer_closed);
    fn(arg);
}

struct loop_timer *loop_timer_start(struct loop *l, int64_t ms, void (*fn)(void *arg), void *arg)
{
    struct loop_timer *t = malloc(sizeof *t);
    if (!t)
        abort();
    assert(current_loop == l);
    t->fn = fn;
    t->arg = arg;
    uv_timer_init(&l->uv, &t->uv);
    uv_timer_start(&t->uv, on_timer, ms > 0 ? (uint64_t)ms : 0, 0);
    return t;
}

void loop_timer_cancel(struct loop_timer *t)
{
    if (!t)
        return;
    uv_timer_stop(&t->uv);
    uv_close((uv_handle_t *)&t->uv, on_timer_closed);
}
