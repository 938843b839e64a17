/* Operation row for the operator: rotate_root_key. */
#ifndef CLI_KEYS_OPS_H
#define CLI_KEYS_OPS_H

#include "op/op.h"

extern const struct op keys_ops[];
extern const size_t keys_ops_count;

#endif
