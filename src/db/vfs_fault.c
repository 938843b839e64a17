/* Goals: what a disk can do to SQLite, at each call, repeatably: a write that fails, that is short,
 * that finds no room; an fsync or a read that fails; a file that cannot be opened.
 * Non-goals: delays, reordering, loss of what was not synced (kill -9 does not lose it either).
 *
 * Invariants
 * - Only what is planned fails; everything else is the default layer's.
 * - WRITE, SHORT_WRITE and FULL count the same calls: write and truncate. */
#include "db/vfs_fault.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct fault_file {
    sqlite3_file base;
    sqlite3_file *inner; /* stands behind this struct */
};

static struct {
    atomic_int kind;
    atomic_int_least64_t first, count, calls, failed;
} plan;

void vfs_fault_plan(enum vfs_fault_kind kind, int64_t nth, int64_t count)
{
    atomic_store(&plan.kind, kind);
    atomic_store(&plan.first, nth);
    atomic_store(&plan.count, count);
    atomic_store(&plan.calls, 0);
    atomic_store(&plan.failed, 0);
}

int64_t vfs_fault_calls(void)
{
    return atomic_load(&plan.calls);
}

int64_t vfs_fault_failed(void)
{
    return atomic_load(&plan.failed);
}

static bool fault_due(enum vfs_fault_kind kind)
{
    if ((int)kind != atomic_load(&plan.kind))
        return false;
    int64_t at = atomic_fetch_add(&plan.calls, 1) + 1;
    int64_t first = atomic_load(&plan.first);
    bool due = at >= first && at < first + atomic_load(&plan.count);
    if (due)
        atomic_fetch_add(&plan.failed, 1);
    return due;
}

static sqlite3_file *inner_of(sqlite3_file *f)
{
    return ((struct fault_file *)f)->inner;
}

static int file_close(sqlite3_file *f)
{
    return inner_of(f)->pMethods->xClose(inner_of(f));
}

static int file_read(sqlite3_file *f, void *to, int len, sqlite3_int64 at)
{
    if (fault_due(VFS_FAULT_READ))
        return SQLITE_IOERR_READ;
    return inner_of(f)->pMethods->xRead(inner_of(f), to, len, at);
}

static int file_write(sqlite3_file *f, const void *from, int len, sqlite3_int64 at)
{
    sqlite3_file *inner = inner_of(f);
    if (fault_due(VFS_FAULT_WRITE))
        return SQLITE_IOERR_WRITE;
    bool full = fault_due(VFS_FAULT_FULL);
    if (full || fault_due(VFS_FAULT_SHORT_WRITE)) {
        inner->pMethods->xWrite(inner, from, len / 2, at);
        return full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    }
    return inner->pMethods->xWrite(inner, from, len, at);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    if (fault_due(VFS_FAULT_WRITE) || fault_due(VFS_FAULT_SHORT_WRITE) || fault_due(VFS_FAULT_FULL))
        return SQLITE_IOERR_TRUNCATE;
    return inner_of(f)->pMethods->xTruncate(inner_of(f), size);
}

static int file_sync(sqlite3_file *f, int flags)
{
    if (fault_due(VFS_FAULT_SYNC))
        return SQLITE_IOERR_FSYNC;
    return inner_of(f)->pMethods->xSync(inner_of(f), flags);
}

static int file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    return inner_of(f)->pMethods->xFileSize(inner_of(f), ret);
}

static int file_lock(sqlite3_file *f, int level)
{
    return inner_of(f)->pMethods->xLock(inner_of(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
    return inner_of(f)->pMethods->xUnlock(inner_of(f), level);
}

static int file_check_lock(sqlite3_file *f, int *ret)
{
    return inner_of(f)->pMethods->xCheckReservedLock(inner_of(f), ret);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
    return inner_of(f)->pMethods->xFileControl(inner_of(f), op, arg);
}

static int file_sector_size(sqlite3_file *f)
{
    return inner_of(f)->pMethods->xSectorSize(inner_of(f));
}

static int file_characteristics(sqlite3_file *f)
{
    return inner_of(f)->pMethods->xDeviceCharacteristics(inner_of(f));
}

static int file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
    return inner_of(f)->pMethods->xShmMap(inner_of(f), page, size, extend, ret);
}

static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return inner_of(f)->pMethods->xShmLock(inner_of(f), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
    inner_of(f)->pMethods->xShmBarrier(inner_of(f));
}

static int file_shm_unmap(sqlite3_file *f, int remove)
{
    return inner_of(f)->pMethods->xShmUnmap(inner_of(f), remove);
}

/* Version 2: no mapping of the file itself, so that every read is seen. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
                      int *ret_flags)
{
    sqlite3_vfs *real = vfs->pAppData;
    struct fault_file *file = (struct fault_file *)f;
    file->base.pMethods = NULL;
    file->inner = (sqlite3_file *)(file + 1);
    if (fault_due(VFS_FAULT_OPEN))
        return SQLITE_CANTOPEN;
    int rc = real->xOpen(real, name, file->inner, flags, ret_flags);
    if (rc == SQLITE_OK)
        file->base.pMethods = &methods;
    return rc;
}

void vfs_fault_register(void)
{
    static sqlite3_vfs own; /* SQLite keeps it for good */
    if (sqlite3_vfs_find(VFS_FAULT_NAME))
        return;
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    own = *real;
    own.pNext = NULL;
    own.zName = VFS_FAULT_NAME;
    own.pAppData = real;
    own.szOsFile = (int)sizeof(struct fault_file) + real->szOsFile;
    own.xOpen = fault_open;
    sqlite3_vfs_register(&own, 0);
}
