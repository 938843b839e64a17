/* Runs of other processes: their streams and their stop, over HTTP between the nodes of one
 * database.
 *
 * A node shows that it is one by a capability: which run, whose, until when, under a key that is
 * derived from the root key, which all nodes share. It opens that one run and nothing else. */
#ifndef RUN_RELAY_H
#define RUN_RELAY_H

#include "op/op.h"
#include "run/run.h"

/* The stream of a run, here or at its owner, from counter `after` on. *ret_found false: its owner
 * is gone, or it has ended. On a worker thread. */
enum err run_join(struct cx *cx, struct str run_id, struct sink *sink, int64_t after,
                  bool *ret_found);
/* Stops it, here or at its owner. *ret_stopped false: nothing runs. */
enum err run_stop_anywhere(struct cx *cx, struct str run_id, bool *ret_stopped);

/* Rows that other nodes call. */
extern const struct op run_ops[];
extern const size_t run_ops_count;

#endif
