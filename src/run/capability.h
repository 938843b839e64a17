/* What one node shows another: one run, one user, two minutes. Private to run/. */
#ifndef RUN_CAPABILITY_H
#define RUN_CAPABILITY_H

#include "base/cx.h"

/* For cx's user and workspace, in the arena. */
struct str capability_make(struct cx *cx, struct str run_id);
/* False: not ours, of another run, or too old. Sets cx->principal's workspace, organisation and
 * user. */
bool capability_open(struct cx *cx, struct str text, struct str run_id);

#endif
