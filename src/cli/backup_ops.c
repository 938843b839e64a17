/* See backup_ops.h.
 *
 * Invariant: the file appears under its name only when it is whole and durable. */
#include "cli/backup_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/seal.h"
#include "base/app.h"
#include "db/archive.h"

struct backup_in {
    struct str file;
};
static const struct field backup_in_fields[] = {
    { .name = "file",
      .type = FIELD_STR,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct backup_in, file),
      .min = 2,
      .doc = "Absolute path of the file to write; it must not exist" },
    FIELD_END,
};
struct backup_out {
    int64_t tables, rows, bytes;
};
static const struct field backup_out_fields[] = {
    { .name = "tables",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct backup_out, tables),
      .doc = "Tables in it" },
    { .name = "rows",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct backup_out, rows),
      .doc = "Rows in it" },
    { .name = "bytes",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct backup_out, bytes),
      .doc = "Size of the file" },
    FIELD_END,
};

static void sync_folder(const char *path)
{
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    *(slash == folder ? slash + 1 : slash) = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

static enum err write_whole(struct cx *cx, const char *path, const char *tmp,
                            struct db_archive_counts *ret)
{
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        FAIL(cx, CONFLICT, "%s cannot be made: %s.", tmp, strerror(errno));
    enum err e = db_archive_write(cx, fd, NULL, NULL, ret);
    if (e == OK && fsync(fd) != 0)
        e = cx_fail(cx, ERR_QUOTA_EXCEEDED, "%s cannot be made durable: %s.", tmp, strerror(errno));
    close(fd);
    /* link, not rename: a file that has appeared meanwhile stays. */
    if (e == OK && link(tmp, path) != 0)
        e = cx_fail(cx, ERR_CONFLICT, "%s cannot be made: %s.", path, strerror(errno));
    unlink(tmp);
    if (e == OK)
        sync_folder(path);
    return e;
}

static enum err backup_run(struct cx *cx, const void *in, void *out)
{
    const struct backup_in *b = in;
    struct db_archive_counts counts;
    char *path = str_cstr(cx->arena, b->file);
    char *tmp = str_cstr(cx->arena, str_fmt(cx->arena, "%s.part", path));
    if (path[0] != '/') {
        cx_field_error(cx, STR("file"), "must be an absolute path");
        return cx_invalid(cx);
    }
    if (access(path, F_OK) == 0)
        FAIL(cx, CONFLICT, "%s is already there; a backup never replaces a file.", path);
    /* What the backup holds of the log is signed: its keys stay here. */
    if (cx->app->seal)
        TRY(seal_tick(cx->app->seal, cx->now_ms, true));
    TRY(write_whole(cx, path, tmp, &counts));
    *(struct backup_out *)out = (struct backup_out){ counts.tables, counts.rows, counts.bytes };
    return OK;
}

const struct op backup_ops[] = {
    { .name = "create_backup",
      .kind = OP_JSON,
      .category = "operator",
      .auth = AUTH_OPERATOR,
      .roles = ROLES_ANY,
      .tx = TX_NONE,
      .lane = LANE_SLOW,
      .rate = RATE_NONE,
      .effect = EFFECT_EXTERNAL,
      .in = backup_in_fields,
      .in_size = sizeof(struct backup_in),
      .out = backup_out_fields,
      .out_size = sizeof(struct backup_out),
      .run = backup_run,
      .summary = "Write a backup",
      .doc = "One consistent snapshot of every table, while writers go on. Blobs of the folder are "
             "not in "
             "it: copy DIR/blobs afterwards." },
};
const size_t backup_ops_count = sizeof backup_ops / sizeof *backup_ops;
