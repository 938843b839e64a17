/* Counters of the program, kept per operation and per thread, summed when /metrics is read.
 * No tenant labels. Names follow Prometheus' conventions. */
#ifndef OP_METRICS_H
#define OP_METRICS_H

#include "op/op.h"

struct metrics;
struct metrics *metrics_new(size_t operations);
void metrics_free(struct metrics *m);
/* One finished call. Wait-free. */
void metrics_call(struct metrics *m, size_t op_index, int status, int64_t duration_us);
/* An area adds its gauges: called at each scrape, appends Prometheus text. At most 16. */
void metrics_add_source(struct metrics *m, void (*write)(struct buf *out, void *arg), void *arg);
struct registry;
void metrics_write(struct metrics *m, const struct registry *r, struct buf *out);

#endif
