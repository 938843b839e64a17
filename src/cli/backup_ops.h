/* Backup as an operation, so that a running server makes it. */
#ifndef CLI_BACKUP_OPS_H
#define CLI_BACKUP_OPS_H

#include "op/op.h"

extern const struct op backup_ops[];
extern const size_t backup_ops_count;

#endif
