/* Checkpoints on their way out of the database: DIR/checkpoints.log, and the operator's sink.
 *
 * Goals: the file has every line of the table, on each node (and no more: seal_file.c); what a
 * killed server has not written the next start writes. Non-goals: URLs (a job), files that others
 * write. Invariants: a line is durable in the file before it counts as published; half a line at
 * the end (a power cut) is cut off before the next is written; the sink gets each line at least
 * once. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit_sql.h"
#include "audit/seal_core.h"
#include "audit/seal_first.h"
#include "base/app.h"
#include "base/log.h"

enum { SLICE_LINES = 100 };

static bool write_all(int fd, const char *at, size_t len)
{
    while (len) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool line_append(const char *path, struct str line)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write_all(fd, line.ptr, line.len) && write_all(fd, "\n", 1) &&
                fdatasync(fd) == 0;
    if (!good)
        log_line(LOG_ERROR, "a checkpoint of the log was not written to its file",
                 log_s("file", str_of(path)), log_s("error", str_of(strerror(errno))));
    if (fd >= 0)
        close(fd);
    return good;
}

static void file_path(const struct seal *s, char *out, size_t size)
{
    snprintf(out, size, "%s/checkpoints.log", s->dir);
}

/* ---- where the file ends ---- */

/* The last whole line, in the arena; cuts off half a line. Absent: there is none. */
static struct str last_line(struct arena *a, const char *path)
{
    size_t most = CHECKPOINT_LINE_BYTES_MAX + 2;
    struct stat st;
    struct str found = STR_NULL;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return STR_NULL;
    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        off_t from = st.st_size > (off_t)most ? st.st_size - (off_t)most : 0;
        char *tail = arena_alloc_raw(a, most);
        ssize_t n = pread(fd, tail, most, from);
        while (n > 0 && tail[n - 1] != '\n')
            n--;
        if (n >= 0 && from + n < st.st_size && ftruncate(fd, from + n) != 0)
            log_line(LOG_WARN, "half a checkpoint could not be cut off",
                     log_s("file", str_of(path)));
        if (n > 0) {
            char *start = n > 1 ? memrchr(tail, '\n', (size_t)n - 1) : NULL;
            start = start ? start + 1 : tail;
            found = (struct str){ start, (size_t)(tail + n - 1 - start) };
        }
    }
    close(fd);
    return found;
}

struct look {
    const struct checkpoint *last;
    struct str line;
    bool agrees;
};

/* Is the file's last line in the table, or behind what a restore has brought back? */
static enum err look_up(struct cx *cx, void *arg)
{
    struct look *l = arg;
    struct seal_checkpoint_get_in in = { l->last->generation, l->last->number };
    struct seal_checkpoint_get_row row;
    struct seal_state_get_row state;
    bool found;
    TRY(seal_checkpoint_get(cx, &in, &row, &found));
    l->agrees = found && str_eq(row.text, l->line);
    if (found)
        return OK;
    struct seal_first first;
    TRY(seal_first_load(cx, &first));
    l->agrees = seal_first_passed(&first, in.generation, in.number);
    if (l->agrees)
        return OK;
    TRY(seal_state_get(cx, &state, &found));
    l->agrees = found && state.generation > l->last->generation;
    return OK;
}

static enum err system_broken(struct cx *cx, void *arg)
{
    const struct checkpoint *c = arg;
    struct verify_break b = { .workspace_id = STR(""),
                              .kind = "cut",
                              .message = str_fmt(cx->arena,
                                                 "checkpoint %lld of generation %lld is in "
                                                 "DIR/checkpoints.log but not in the table",
                                                 (long long)c->number, (long long)c->generation) };
    return seal_note_broken(cx, &b, SEAL_EVENT_BEHIND);
}

static enum err published_find(struct seal *s, struct cx *cx)
{
    char path[1100];
    struct checkpoint last;
    const char *why;
    file_path(s, path, sizeof path);
    struct str line = s->dir[0] ? last_line(cx->arena, path) : STR_NULL;
    s->published_known = true;
    if (!str_given(line))
        return OK;
    if (!checkpoint_read(cx->arena, line, &last, &why)) {
        log_line(LOG_ERROR, "the last line of the checkpoints' file is no checkpoint",
                 log_s("file", str_of(path)), log_s("why", str_of(why)));
        return OK;
    }
    struct look l = { &last, line, false };
    enum err e = db_read(cx, look_up, &l);
    if (e != OK) {
        s->published_known = false;
        return e;
    }
    s->published_generation = last.generation;
    s->published_number = last.number;
    return l.agrees ? OK : db_write(cx, system_broken, &last);
}

/* ---- out ---- */

static void to_sink(const struct seal *s, const struct seal_checkpoint_list_row *r)
{
    if (strncmp(s->sink, "file:", 5) == 0) {
        line_append(s->sink + 5, r->text);
    } else if (strcmp(s->sink, "syslog") == 0 && r->hash.len == SEAL_HASH_BYTES) {
        seal_syslog(r->generation, r->number, (const uint8_t *)r->hash.ptr);
    }
}

struct slice {
    struct seal_checkpoint_list_in in;
    struct seal_checkpoint_list_row *rows;
    size_t count;
};

static enum err slice_read(struct cx *cx, void *arg)
{
    struct slice *l = arg;
    return seal_checkpoint_list(cx, &l->in, &l->rows, &l->count);
}

static enum err publish_slice(struct seal *s, struct cx *cx, size_t *ret_count)
{
    char path[1100];
    struct slice l = { .in = { s->published_generation, s->published_number, SLICE_LINES } };
    file_path(s, path, sizeof path);
    TRY(db_read(cx, slice_read, &l));
    *ret_count = l.count;
    for (size_t i = 0; i < l.count; i++) {
        if (s->dir[0] && !line_append(path, l.rows[i].text))
            return ERR_STORAGE;
        to_sink(s, &l.rows[i]);
        s->published_generation = l.rows[i].generation;
        s->published_number = l.rows[i].number;
    }
    return OK;
}

static enum err first_read(struct cx *cx, void *arg)
{
    return seal_first_load(cx, arg);
}

static enum err file_trim(struct seal *s, struct cx *cx)
{
    char path[1100];
    struct seal_first first;
    file_path(s, path, sizeof path);
    TRY(db_read(cx, first_read, &first));
    seal_file_trim(s, path, &first);
    return OK;
}

enum err seal_publish(struct seal *s, int64_t now_ms)
{
    size_t count = SLICE_LINES;
    bool any = false;
    enum err e = OK;
    /* On PostgreSQL other nodes make checkpoints too. */
    if (db_engine(s->app->db) == DB_SQLITE && !atomic_load(&s->news))
        return OK;
    struct cx cx = { .arena = arena_new(0),
                     .app = s->app,
                     .principal = { .kind = PRINCIPAL_SYSTEM },
                     .now_ms = now_ms };
    atomic_store(&s->news, false);
    if (!s->published_known)
        e = published_find(s, &cx);
    while (e == OK && count == SLICE_LINES) {
        e = publish_slice(s, &cx, &count);
        any = any || count;
        arena_clear(cx.arena, 64 * 1024);
    }
    if (e == OK && any && s->dir[0])
        e = file_trim(s, &cx);
    if (e != OK)
        atomic_store(&s->news, true);
    arena_free(cx.arena);
    return e;
}
