/* See pulse.h. A beat is a message that a loop only has to take. One that was not taken stays under
 * way, and is not sent again: a stuck loop costs no memory. */
#include "net/pulse.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

struct beat {
    struct loop_msg msg;
    atomic_bool away; /* sent, not taken yet */
};
struct pulse {
    struct loops *loops;
    int count;
    struct beat beats[];
};

static void on_beat(struct loop_msg *m)
{
    struct beat *b = (struct beat *)((char *)m - offsetof(struct beat, msg));
    atomic_store(&b->away, false);
}

struct pulse *pulse_new(struct loops *ls)
{
    int count = loops_count(ls);
    struct pulse *p = calloc(1, sizeof *p + (size_t)count * sizeof *p->beats);
    if (!p)
        abort();
    p->loops = ls;
    p->count = count;
    return p;
}

void pulse_free(struct pulse *p)
{
    free(p);
}

bool pulse_felt(struct pulse *p)
{
    bool felt = true;
    for (int i = 0; i < p->count; i++) {
        struct beat *b = &p->beats[i];
        if (atomic_load(&b->away)) {
            felt = false;
            continue;
        }
        b->msg.fn = on_beat;
        atomic_store(&b->away, true);
        loop_post(loops_at(p->loops, i), &b->msg);
    }
    return felt;
}
