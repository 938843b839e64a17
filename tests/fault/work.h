/* The same deeds for every fault test: some writes alone, some in a batch, a unit undone, reads;
 * and the judgement afterwards: what was acknowledged is there, what was refused is not. */
#ifndef TEST_FAULT_WORK_H
#define TEST_FAULT_WORK_H

#include "../unit/db/fixture.h"

#define WORK_ALONE 5
#define WORK_BATCH 6

struct work_deed {
    struct db_write write;
    struct item item;
    enum err result;
    bool unknown; /* the connection broke while committing */
};

struct work {
    struct fixture *f;
    int64_t round; /* part of every id */
    struct work_deed deeds[WORK_ALONE + WORK_BATCH];
};

/* f->app.db must be open. Results other than OK, STORAGE, QUOTA_EXCEEDED and OVERLOADED fail the
 * test. */
void work_run(struct work *w, struct fixture *f, int64_t round);
/* f: the same database opened anew without faults, or a copy of it. */
void work_judge(const struct work *w, struct fixture *f);

#endif
