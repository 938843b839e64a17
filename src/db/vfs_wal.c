/* Goals: a commit of seventeen pages is one system call instead of thirty-four. Non-goals: delaying
 * anything beyond the sync that SQLite asks for; other files, which get the base's own methods.
 *
 * Invariants
 * - What is held continues where the file's last write ended; it is written before a read, a sync,
 * a truncation or a look at the size, and when something else is written elsewhere.
 * - What could not be written stays held and is tried again before anything else happens to the
 *   file, for SQLite believes that it is there: pages of a transaction that goes on after one of
 *   its savepoints has failed may be among it.
 * - What is held when the file is closed belongs to no commit that anybody was told of. */
#include "db/vfs_wal.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The unix layer writes 0x1ffff bytes at once at most. */
enum { HELD_BYTES_MAX = 120 * 1024, LAYERS_MAX = 4, NAME_BYTES = 48 };

struct wal_file {
    sqlite3_file base;
    char *held;
    int held_len;
    sqlite3_int64 held_at;
    sqlite3_file *inner; /* stands behind this struct */
};

static struct wal_file *self(sqlite3_file *f)
{
    return (struct wal_file *)f;
}

static int write_held(struct wal_file *w)
{
    if (w->held_len == 0)
        return SQLITE_OK;
    int rc = w->inner->pMethods->xWrite(w->inner, w->held, w->held_len, w->held_at);
    if (rc == SQLITE_OK)
        w->held_len = 0;
    return rc;
}

static int wal_close(sqlite3_file *f)
{
    struct wal_file *w = self(f);
    free(w->held);
    w->held = NULL;
    return w->inner->pMethods->xClose(w->inner);
}

static int wal_read(sqlite3_file *f, void *to, int len, sqlite3_int64 at)
{
    struct wal_file *w = self(f);
    int rc = write_held(w);
    return rc != SQLITE_OK ? rc : w->inner->pMethods->xRead(w->inner, to, len, at);
}

static int wal_write(sqlite3_file *f, const void *from, int len, sqlite3_int64 at)
{
    struct wal_file *w = self(f);
    bool follows = w->held_len && at == w->held_at + w->held_len;
    if (w->held_len && (!follows || len > HELD_BYTES_MAX - w->held_len)) {
        int rc = write_held(w);
        if (rc != SQLITE_OK)
            return rc;
    }
    if (len > HELD_BYTES_MAX)
        return w->inner->pMethods->xWrite(w->inner, from, len, at);
    if (w->held_len == 0)
        w->held_at = at;
    memcpy(w->held + w->held_len, from, (size_t)len);
    w->held_len += len;
    return SQLITE_OK;
}

static int wal_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    struct wal_file *w = self(f);
    int rc = write_held(w);
    return rc != SQLITE_OK ? rc : w->inner->pMethods->xTruncate(w->inner, size);
}

static int wal_sync(sqlite3_file *f, int flags)
{
    struct wal_file *w = self(f);
    int rc = write_held(w);
    return rc != SQLITE_OK ? rc : w->inner->pMethods->xSync(w->inner, flags);
}

static int wal_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    struct wal_file *w = self(f);
    int rc = write_held(w);
    return rc != SQLITE_OK ? rc : w->inner->pMethods->xFileSize(w->inner, ret);
}

static int wal_lock(sqlite3_file *f, int level)
{
    return self(f)->inner->pMethods->xLock(self(f)->inner, level);
}

static int wal_unlock(sqlite3_file *f, int level)
{
    return self(f)->inner->pMethods->xUnlock(self(f)->inner, level);
}

static int wal_check_lock(sqlite3_file *f, int *ret)
{
    return self(f)->inner->pMethods->xCheckReservedLock(self(f)->inner, ret);
}

static int wal_control(sqlite3_file *f, int op, void *arg)
{
    return self(f)->inner->pMethods->xFileControl(self(f)->inner, op, arg);
}

static int wal_sector_size(sqlite3_file *f)
{
    return self(f)->inner->pMethods->xSectorSize(self(f)->inner);
}

static int wal_characteristics(sqlite3_file *f)
{
    return self(f)->inner->pMethods->xDeviceCharacteristics(self(f)->inner);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1, /* a log has no shared memory of its own */
    .xClose = wal_close,
    .xRead = wal_read,
    .xWrite = wal_write,
    .xTruncate = wal_truncate,
    .xSync = wal_sync,
    .xFileSize = wal_size,
    .xLock = wal_lock,
    .xUnlock = wal_unlock,
    .xCheckReservedLock = wal_check_lock,
    .xFileControl = wal_control,
    .xSectorSize = wal_sector_size,
    .xDeviceCharacteristics = wal_characteristics,
};

static int layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
                      int *ret_flags)
{
    sqlite3_vfs *base = vfs->pAppData;
    struct wal_file *w = self(f);
    if (!(flags & SQLITE_OPEN_WAL))
        return base->xOpen(base, name, f, flags, ret_flags);
    *w = (struct wal_file){ .held = malloc(HELD_BYTES_MAX), .inner = (sqlite3_file *)(w + 1) };
    if (!w->held)
        abort();
    int rc = base->xOpen(base, name, w->inner, flags, ret_flags);
    if (rc == SQLITE_OK) {
        w->base.pMethods = &methods;
    } else {
        free(w->held);
        w->held = NULL;
    }
    return rc;
}

/* SQLite keeps what is registered for good. */
struct layer {
    sqlite3_vfs vfs;
    char name[NAME_BYTES];
};
static struct {
    pthread_mutex_t lock;
    struct layer at[LAYERS_MAX];
} layers = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void layer_register(struct layer *l, sqlite3_vfs *real)
{
    sqlite3_snprintf(NAME_BYTES, l->name, "wal-%s", real->zName);
    l->vfs = *real;
    l->vfs.pNext = NULL;
    l->vfs.zName = l->name;
    l->vfs.pAppData = real;
    l->vfs.szOsFile = (int)sizeof(struct wal_file) + real->szOsFile;
    l->vfs.xOpen = layer_open;
    sqlite3_vfs_register(&l->vfs, 0);
}

const char *vfs_wal_over(const char *base)
{
    sqlite3_vfs *real = sqlite3_vfs_find(base);
    struct layer *found = NULL;
    if (!real)
        return NULL;
    pthread_mutex_lock(&layers.lock);
    for (size_t i = 0; i < LAYERS_MAX && !found; i++) {
        if (!layers.at[i].vfs.pAppData)
            layer_register(&layers.at[i], real);
        if (layers.at[i].vfs.pAppData == real)
            found = &layers.at[i];
    }
    pthread_mutex_unlock(&layers.lock);
    return found ? found->name : NULL;
}
