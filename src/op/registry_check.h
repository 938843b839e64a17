/* What every row must declare. Private to op/; registry.c calls it at start, so that a row with
 * undeclared auth, limits or docs does not start. */
#ifndef OP_REGISTRY_CHECK_H
#define OP_REGISTRY_CHECK_H

#include "op/registry.h"

/* Appends one sentence per fault. */
void op_check(const struct op *op, struct buf *faults);

#endif
