/* Retention of DIR/checkpoints.log: lines that the table has no longer go from the file as well.
 *
 * The file is written anew without them, and put in place by a rename: whoever reads it goes on
 * with the old one. That costs as much as the file is long, so it waits until a quarter of the file
 * may go: a file of seven years grows to that of nine and is cut once in two. Lines of another kind
 * are not ours: nothing is removed from the first of them on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/seal_core.h"
#include "audit/seal_first.h"
#include "base/log.h"

enum { COPY_BYTES = 256 * 1024 };

/* Bytes of the lines before the beginning. */
static off_t passed_bytes(FILE *f, const struct seal_first *first)
{
    char *line = NULL;
    size_t room = 0;
    off_t bytes = 0;
    long long generation, number;
    for (ssize_t n; (n = getline(&line, &room, f)) > 0; bytes += n)
        if (line[n - 1] != '\n' ||
            sscanf(line, "{\"checkpoint\":{\"v\":1,\"generation\":%lld,\"number\":%lld,",
                   &generation, &number) != 2 ||
            !seal_first_passed(first, generation, number))
            break;
    free(line);
    return bytes;
}

static bool copy(int from, off_t at, int to)
{
    char *bytes = malloc(COPY_BYTES);
    ssize_t n = -1;
    if (!bytes)
        abort();
    while ((n = pread(from, bytes, COPY_BYTES, at)) > 0) {
        for (ssize_t done = 0, w; done < n; done += w)
            if ((w = write(to, bytes + done, (size_t)(n - done))) <= 0) {
                free(bytes);
                return false;
            }
        at += n;
    }
    free(bytes);
    return n == 0;
}

static bool folder_sync(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

static bool file_replace(const char *dir, const char *path, int from, off_t at)
{
    char part[1200];
    snprintf(part, sizeof part, "%s.part", path);
    int to = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = to >= 0 && copy(from, at, to) && fsync(to) == 0;
    if (to >= 0)
        close(to);
    good = good && rename(part, path) == 0;
    if (!good)
        unlink(part);
    return good && folder_sync(dir);
}

void seal_file_trim(struct seal *s, const char *path, const struct seal_first *first)
{
    struct stat st;
    if (first->forged || !first->number ||
        (first->generation == s->trimmed_generation && first->number == s->trimmed_number))
        return;
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    off_t passed = passed_bytes(f, first);
    if (fstat(fileno(f), &st) == 0 && passed > 0 && passed >= st.st_size / 4 &&
        !file_replace(s->dir, path, fileno(f), passed))
        log_line(LOG_WARN, "old checkpoints were not removed from their file",
                 log_s("file", str_of(path)), log_s("error", str_of(strerror(errno))));
    s->trimmed_generation = first->generation;
    s->trimmed_number = first->number;
    fclose(f);
}
