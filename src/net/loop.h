/* Loops: one thread, one libuv loop each. Work is handed to a loop by message, never by lock.
 *
 * A loop never blocks: it parses, answers from memory, runs LANE_LOOP operations, and moves bytes.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loops;
struct uv_loop_s;

/* Intrusive: stands in the sender's own struct, and is the loop's until fn is called. */
struct loop_msg {
    struct loop_msg *next;
    void (*fn)(struct loop_msg *m);
};

/* Starts `count` threads (stack 256 KiB). */
struct loops *loops_start(int count);
int loops_count(const struct loops *ls);
struct loop *loops_at(struct loops *ls, int i);
/* Ends each loop after its handles are closed; the owner of handles closes them first. Joins. */
void loops_stop(struct loops *ls);

/* From any thread. fn runs on the loop's thread, later, also when it is called there; messages of
 * one sender keep their order. One wake-up serves all that queue meanwhile. */
void loop_post(struct loop *l, struct loop_msg *m);
/* fn is called at the end of each turn, before the loop sleeps; NULL: nothing any more. On the
 * loop's thread only. */
void loop_on_rest(struct loop *l, void (*fn)(void *arg), void *arg);
/* The loop of this thread, or NULL. */
struct loop *loop_current(void);
int loop_index(const struct loop *l);
struct uv_loop_s *loop_uv(struct loop *l);
/* Cached at the start of each turn of the loop: clock_wall_ms and clock_monotonic_ms. */
int64_t loop_wall_ms(const struct loop *l);
int64_t loop_monotonic_ms(const struct loop *l);

/* Calls fn once, on this loop's thread, after `ms`. Start and cancel on that thread only. */
struct loop_timer;
struct loop_timer *loop_timer_start(struct loop *l, int64_t ms, void (*fn)(void *arg), void *arg);
/* fn is not called any more; after it was called there is nothing to cancel. NULL is fine. */
void loop_timer_cancel(struct loop_timer *t);

#endif
