/* Files of the root key in the data folder: root-key, and root-key.next while it is changed.
 *
 * Invariants: a file is there whole and durable, or not at all; the former key is replaced only by
 * a rename. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/crypto.h"
#include "cli/program.h"

enum { BYTES_MAX = 4096, MADE_BYTES = 32, BYTES_MIN = 16 };

static struct secret *file_read(const char *path)
{
    char text[BYTES_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0)
        close(fd);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    struct secret *s = n > 0 && n < BYTES_MAX ? secret_new((struct str){ text, (size_t)n }) : NULL;
    bytes_wipe(text, sizeof text);
    return s;
}

static bool folder_sync(const struct config *c)
{
    char path[1024];
    data_path(c, "", path, sizeof path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

static bool file_write(const struct config *c, const char *path, struct str bytes, char *error,
                       size_t size)
{
    char part[1100];
    snprintf(part, sizeof part, "%s.part", path);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len &&
                write(fd, "\n", 1) == 1 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    good = good && rename(part, path) == 0 && folder_sync(c);
    if (!good)
        snprintf(error, size, "%s cannot be written: %s", path, strerror(errno));
    return good;
}

struct secret *root_key_next_read(const struct config *c)
{
    char path[1024];
    data_path(c, "root-key.next", path, sizeof path);
    return file_read(path);
}

static struct secret *made(void)
{
    uint8_t raw[MADE_BYTES];
    char hex[2 * MADE_BYTES];
    random_bytes(raw, sizeof raw);
    hex_encode(raw, sizeof raw, hex);
    struct secret *s = secret_new((struct str){ hex, sizeof hex });
    bytes_wipe(raw, sizeof raw);
    bytes_wipe(hex, sizeof hex);
    return s;
}

static bool next_usable(const struct secret *next, struct str file, char *error, size_t size)
{
    if (!next)
        snprintf(error, size, "the next root key in %.*s cannot be read, or is empty",
                 STR_ARG(file));
    else if (secret_len(next) < BYTES_MIN)
        snprintf(error, size, "the next root key has %zu bytes; at least %d are needed",
                 secret_len(next), BYTES_MIN);
    return next && secret_len(next) >= BYTES_MIN;
}

bool root_key_next_make(const struct config *c, struct str file, char *error, size_t size)
{
    char path[1024], from[1024];
    data_path(c, "root-key.next", path, sizeof path);
    struct secret *begun = root_key_next_read(c), *next;
    if (str_given(file)) {
        snprintf(from, sizeof from, "%.*s", STR_ARG(file));
        next = file_read(from);
    } else {
        /* A change that was broken off goes on with its key. */
        next = begun ? secret_new(secret_bytes(begun)) : made();
    }
    bool good = next_usable(next, file, error, size);
    if (good && begun && !str_eq(secret_bytes(begun), secret_bytes(next))) {
        snprintf(error, size,
                 "a change of the root key has begun with another key (%s); end it "
                 "first, without naming a file",
                 path);
        good = false;
    }
    good = good && (begun || file_write(c, path, secret_bytes(next), error, size));
    secret_free(begun);
    secret_free(next);
    return good;
}

bool root_key_kept(const struct config *c)
{
    size_t count;
    const struct config_row *rows = config_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].field, "root_key") == 0)
            return strcmp(config_value_source(c, i), "default") == 0;
    return false;
}

bool root_key_next_finish(const struct config *c, char *error, size_t size)
{
    char path[1024], next[1024];
    data_path(c, "root-key", path, sizeof path);
    data_path(c, "root-key.next", next, sizeof next);
    if (rename(next, path) == 0 && folder_sync(c))
        return true;
    snprintf(error, size, "%s cannot be replaced: %s", path, strerror(errno));
    return false;
}

void root_key_next_drop(const struct config *c)
{
    char path[1024];
    data_path(c, "root-key.next", path, sizeof path);
    if (unlink(path) == 0)
        folder_sync(c);
}
