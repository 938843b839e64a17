/* Operations of the tests: one of each kind, transaction and lane, so that the gate is proved
 * without any room of the product. */
#ifndef TESTS_API_FIXTURE_OPS_H
#define TESTS_API_FIXTURE_OPS_H

#include "op/gate.h"
#include "op/registry.h"

extern const struct op fixture_ops[];
extern const size_t fixture_ops_count;

/* Hooks that write down what was asked, in order: "address auth csrf addon rate audit
 * refused:CODE". */
extern const struct gate_hooks fixture_hooks;
/* What the hooks were asked since the last call of it. Not thread safe: call when nothing runs. */
struct str fixture_trace(void);
/* How often the function of note_add has run. */
extern int fixture_runs;

#endif
