/* A SQLite file layer whose n-th writing call fails. For tests: the product never refers to it.
 *
 * Owns: what fails, when, for how long. Wraps the default layer; shared memory passes through. One
 * plan for the process, set while no call is under way. */
#ifndef DB_VFS_FAULT_H
#define DB_VFS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum vfs_fault_kind {
    VFS_FAULT_NONE = 0,
    VFS_FAULT_WRITE,       /* a write fails, nothing of it is there */
    VFS_FAULT_SHORT_WRITE, /* half of it is there, then an I/O error */
    VFS_FAULT_FULL,        /* half of it is there, then no room */
    VFS_FAULT_SYNC,        /* fsync fails */
    VFS_FAULT_READ,        /* a read fails */
    VFS_FAULT_OPEN         /* a file cannot be opened */
};

#define VFS_FAULT_NAME "fault"

/* Registers the layer under VFS_FAULT_NAME; a second call does nothing. */
void vfs_fault_register(void);
/* From the n-th call (1 …) of that kind on, `count` calls fail. Starts to count anew. */
void vfs_fault_plan(enum vfs_fault_kind kind, int64_t nth, int64_t count);
/* Calls of the planned kind since then, and how many of them have failed. */
int64_t vfs_fault_calls(void);
int64_t vfs_fault_failed(void);

#endif
