/* Store "dir": DIR/blobs/aa/<rest of the address>.
 *
 * Goals: bytes are durable before put returns; a reader never sees half a file. Non-goals: several
 * processes over one folder (the folder has a lock). Invariants: a file has its final name only
 * when it is whole and synced; `lock` stands between a put that finds the bytes there (and makes
 * them young) and the sweep that is about to remove them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "blob/store.h"

struct dir_store {
    struct blob_store s;
    int root; /* DIR/blobs */
    pthread_mutex_t lock;
};

/* "aa/<62 digits>" */
#define NAME_BYTES (BLOB_ADDRESS_BYTES + 2)
static void name_of(struct str address, char name[NAME_BYTES])
{
    memcpy(name, address.ptr, 2);
    name[2] = '/';
    memcpy(name + 3, address.ptr + 2, BLOB_ADDRESS_BYTES - 2);
    name[NAME_BYTES - 1] = 0;
}

static int sync_folder(int root, const char *name)
{
    int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int r = fsync(fd);
    close(fd);
    return r;
}

static enum err make_folder(struct cx *cx, struct dir_store *d, struct str address)
{
    char folder[3] = { address.ptr[0], address.ptr[1], 0 };
    if (mkdirat(d->root, folder, 0700) == 0) {
        if (fsync(d->root) != 0)
            return blob_io_fail(cx, "fsync of the blob folder", errno);
    } else if (errno != EEXIST) {
        return blob_io_fail(cx, "mkdir in the blob folder", errno);
    }
    return OK;
}

/* Under the lock. The modification time is what the sweep goes by. */
static bool make_young(struct dir_store *d, const char *name, int64_t bytes)
{
    struct stat st;
    return fstatat(d->root, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size == bytes &&
           utimensat(d->root, name, NULL, AT_SYMLINK_NOFOLLOW) == 0;
}

static enum err dir_put(struct cx *cx, struct blob_store *s, struct str address,
                        const struct blob_source *src, bool *ret_moved)
{
    struct dir_store *d = (struct dir_store *)s;
    char name[NAME_BYTES], folder[3] = { address.ptr[0], address.ptr[1], 0 };
    name_of(address, name);
    TRY(make_folder(cx, d, address));
    pthread_mutex_lock(&d->lock);
    bool there = make_young(d, name, src->bytes);
    pthread_mutex_unlock(&d->lock);
    *ret_moved = false;
    if (there)
        return OK;
    if (fsync(src->fd) != 0)
        return blob_io_fail(cx, "fsync of a blob", errno);
    if (renameat(AT_FDCWD, src->path, d->root, name) != 0)
        return blob_io_fail(cx, "rename of a blob", errno);
    *ret_moved = true;
    if (sync_folder(d->root, folder) != 0)
        return blob_io_fail(cx, "fsync of a blob's folder", errno);
    return OK;
}

static enum err dir_get(struct cx *cx, struct blob_store *s, struct str address, int64_t offset,
                        size_t len, char *out)
{
    struct dir_store *d = (struct dir_store *)s;
    char name[NAME_BYTES];
    name_of(address, name);
    int fd = openat(d->root, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return blob_io_fail(cx, "open of a blob", errno);
    enum err e = OK;
    for (size_t done = 0; done < len && e == OK;) {
        ssize_t n = pread(fd, out + done, len - done, offset + (int64_t)done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0)
            e = cx_fault(cx, "blob %s is shorter than its row says", name);
        else if (errno != EINTR)
            e = blob_io_fail(cx, "read of a blob", errno);
    }
    close(fd);
    return e;
}

static bool is_old(int folder, const char *name, int64_t before_ms)
{
    struct stat st;
    return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000 < before_ms;
}

/* One file: the second look at its age, under the lock, is the one that counts. */
static enum err sweep_file(struct cx *cx, struct dir_store *d, int folder, struct str address,
                           const char *name, int64_t before_ms, int64_t *ret_removed)
{
    bool owned;
    if (!is_old(folder, name, before_ms))
        return OK;
    TRY(blob_address_owned(cx, address, &owned));
    if (owned)
        return OK;
    pthread_mutex_lock(&d->lock);
    if (is_old(folder, name, before_ms) && unlinkat(folder, name, 0) == 0)
        (*ret_removed)++;
    pthread_mutex_unlock(&d->lock);
    return OK;
}

static enum err sweep_folder(struct cx *cx, struct dir_store *d, const char *prefix,
                             int64_t before_ms, int64_t *ret_removed)
{
    int fd = openat(d->root, prefix, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    enum err e = OK;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return OK;
    }
    for (struct dirent *f = readdir(dir); f && e == OK; f = readdir(dir)) {
        struct arena_mark m = arena_mark(cx->arena);
        struct str address = str_fmt(cx->arena, "%s%s", prefix, f->d_name);
        if (blob_address_valid(address))
            e = sweep_file(cx, d, fd, address, f->d_name, before_ms, ret_removed);
        if (e == OK)
            arena_reset(cx->arena, m);
    }
    closedir(dir);
    return e;
}

static enum err dir_sweep(struct cx *cx, struct blob_store *s, int64_t before_ms,
                          int64_t *ret_removed)
{
    struct dir_store *d = (struct dir_store *)s;
    for (int i = 0; i < 256; i++) {
        char prefix[3];
        snprintf(prefix, sizeof prefix, "%02x", (unsigned)i);
        TRY(sweep_folder(cx, d, prefix, before_ms, ret_removed));
    }
    return OK;
}

static void dir_close(struct blob_store *s)
{
    struct dir_store *d = (struct dir_store *)s;
    close(d->root);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

static const struct blob_store_type dir_type = {
    .name = "dir", .close = dir_close, .put = dir_put, .get = dir_get, .sweep = dir_sweep
};

enum err blob_dir_open(struct app *app, const struct blob_store_options *o, struct blob_store **ret,
                       char *error, size_t error_size)
{
    char path[4096];
    (void)app;
    snprintf(path, sizeof path, "%.*s", STR_ARG(o->dir));
    int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        snprintf(error, error_size, "The blob folder %s cannot be opened: %s.", path,
                 strerror(errno));
        return ERR_STORAGE;
    }
    struct dir_store *d = calloc(1, sizeof *d);
    if (!d)
        abort();
    d->s.type = &dir_type;
    d->root = root;
    pthread_mutex_init(&d->lock, NULL);
    *ret = &d->s;
    return OK;
}
