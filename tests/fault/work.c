#include "work.h"

#include <inttypes.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static sem_t finished;

static void deed_done(struct db_write *w, enum err result)
{
    struct work_deed *d = (struct work_deed *)w;
    d->result = result;
    struct str m = w->cx->failure.message;
    d->unknown = result != OK && str_given(m) && str_ends(m, STR("the outcome is not known"));
    sem_post(&finished);
}

static enum err insert_with_unit(struct cx *cx, void *arg)
{
    struct item *it = arg;
    TRY(item_insert(cx, it));
    enum err e = db_nested(cx, item_insert, it); /* the same key again */
    return e == ERR_CONFLICT ? OK : e == OK ? cx_fault(cx, "no conflict") : e;
}

static bool result_allowed(enum err e)
{
    return e == OK || e == ERR_STORAGE || e == ERR_QUOTA_EXCEEDED || e == ERR_OVERLOADED;
}

static void deed_submit(struct work *w, int i)
{
    struct work_deed *d = &w->deeds[i];
    *d = (struct work_deed){ .item = { .n = i, .repeat = i % 3 == 2 ? 40 : 1 } };
    snprintf(d->item.id, sizeof d->item.id, "r%" PRId64 "-%d", w->round, i);
    d->write.cx = fixture_cx_new(w->f);
    d->write.fn = i % 2 ? insert_with_unit : item_insert;
    d->write.arg = &d->item;
    d->write.done = deed_done;
    db_write_submit(w->f->app.db, &d->write);
}

static void deeds_wait(int count)
{
    for (int i = 0; i < count; i++)
        while (sem_wait(&finished) != 0)
            continue;
}

void work_run(struct work *w, struct fixture *f, int64_t round)
{
    w->f = f;
    w->round = round;
    sem_init(&finished, 0, 0);
    for (int i = 0; i < WORK_ALONE; i++) {
        deed_submit(w, i);
        deeds_wait(1);
    }
    for (int i = 0; i < WORK_BATCH; i++)
        deed_submit(w, WORK_ALONE + i);
    deeds_wait(WORK_BATCH);
    int64_t n;
    enum err read = db_read(&f->cx, item_count, &n);
    sem_destroy(&finished);
    for (int i = 0; i < WORK_ALONE + WORK_BATCH; i++)
        fixture_cx_free(w->deeds[i].write.cx);
    if (!result_allowed(read))
        fail_msg("round %" PRId64 ": the read ended with %d", round, read);
    for (int i = 0; i < WORK_ALONE + WORK_BATCH; i++)
        if (!result_allowed(w->deeds[i].result))
            fail_msg("round %" PRId64 ": deed %d ended with %d", round, i, w->deeds[i].result);
}

void work_judge(const struct work *w, struct fixture *f)
{
    assert_true(fixture_sound(f));
    for (int i = 0; i < WORK_ALONE + WORK_BATCH; i++) {
        const struct work_deed *d = &w->deeds[i];
        bool first = fixture_present(f, d->item.id), last = first;
        if (d->item.repeat > 1) {
            char id[64];
            snprintf(id, sizeof id, "%s/%d", d->item.id, (int)d->item.repeat - 1);
            last = fixture_present(f, id);
        }
        if (first != last)
            fail_msg("round %" PRId64 ": deed %d is there by half", w->round, i);
        if (d->result == OK && !first)
            fail_msg("round %" PRId64 ": deed %d was acknowledged and is lost", w->round, i);
        if (d->result != OK && first && !d->unknown)
            fail_msg("round %" PRId64 ": deed %d was refused and is there", w->round, i);
    }
}
