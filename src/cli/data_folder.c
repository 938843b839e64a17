/* Goals: one program a folder; nobody else on the machine can look into it; every refusal is one
 * sentence that says what to do.
 * Invariant: the lock is an flock on DIR/lock, which ends with the process however it ends. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/crypto.h"
#include "cli/program.h"

void data_path(const struct config *c, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%.*s/%s", STR_ARG(c->data), name);
}

bool data_folder_make(const struct config *c, char *error, size_t size)
{
    char path[1024];
    struct stat st;
    if (c->data.len > sizeof path / 2) {
        snprintf(error, size, "the path of --data is longer than %zu bytes", sizeof path / 2);
        return false;
    }
    data_path(c, "", path, sizeof path);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        snprintf(error, size, "the data folder %s cannot be made: %s", path, strerror(errno));
        return false;
    }
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        snprintf(error, size, "%s is not a folder; choose one with --data", path);
        return false;
    }
    if (access(path, R_OK | W_OK | X_OK) != 0) {
        snprintf(error, size,
                 "the data folder %s cannot be written by this user; give it to them, or choose "
                 "another with --data",
                 path);
        return false;
    }
    return true;
}

int data_folder_lock(const struct config *c, char *error, size_t size)
{
    char path[1024], pid[32] = "";
    data_path(c, "lock", path, sizeof path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        snprintf(error, size, "%s cannot be opened: %s", path, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
        if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)n, 0) == n)
            return fd;
        snprintf(error, size, "%s cannot be written: %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
    pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
    snprintf(error, size, "the data folder %.*s is in use by another opboxd (process %s)",
             STR_ARG(c->data), pid[0] ? pid : "unknown");
    close(fd);
    return -1;
}

bool data_folder_served(const struct config *c)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    char path[1024];
    data_path(c, "control.sock", path, sizeof path);
    if (strlen(path) >= sizeof a.sun_path)
        return false;
    memcpy(a.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool served = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    close(fd);
    return served;
}

/* ---- secrets ---- */

enum { SECRET_BYTES = 32, SECRET_FILE_BYTES_MAX = 4096 };

static struct secret *secret_read(const char *path)
{
    char text[SECRET_FILE_BYTES_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0)
        close(fd);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    struct secret *s = n > 0 ? secret_new((struct str){ text, (size_t)n }) : NULL;
    bytes_wipe(text, sizeof text);
    return s;
}

static struct secret *secret_make(const char *path, char *error, size_t size)
{
    uint8_t raw[SECRET_BYTES];
    char hex[2 * SECRET_BYTES + 1];
    random_bytes(raw, sizeof raw);
    hex_encode(raw, sizeof raw, hex);
    hex[2 * SECRET_BYTES] = '\n';
    /* Under its name only when it is whole: half a secret would be refused at every later start. */
    char tmp[1100];
    snprintf(tmp, sizeof tmp, "%s.part", path);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool kept = fd >= 0 && write(fd, hex, sizeof hex) == (ssize_t)sizeof hex && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    kept = kept && rename(tmp, path) == 0;
    struct secret *s = kept ? secret_new((struct str){ hex, 2 * SECRET_BYTES }) : NULL;
    if (!kept)
        snprintf(error, size, "%s cannot be written: %s", path, strerror(errno));
    bytes_wipe(raw, sizeof raw);
    bytes_wipe(hex, sizeof hex);
    return s;
}

static bool secret_complete(struct config *c, struct secret **secret, const char *file,
                            const char *variable, bool make, char *error, size_t size)
{
    char path[1024];
    data_path(c, file, path, sizeof path);
    if (*secret)
        return true;
    if (c->database.len) {
        snprintf(error, size, "with PostgreSQL %s must be given: all nodes need the same",
                 variable);
        return false;
    }
    *secret = secret_read(path);
    if (!*secret && access(path, F_OK) == 0) {
        snprintf(error, size, "the secret in %s cannot be read, or is empty", path);
        return false;
    }
    if (!*secret && make)
        *secret = secret_make(path, error, size);
    else if (!*secret)
        snprintf(error, size, "%s is not there; run `opboxd init` first", path);
    return *secret != NULL;
}

static bool loopback(struct str listen)
{
    return str_starts(listen, STR("127.")) || str_starts(listen, STR("[::1]")) ||
           str_starts(listen, STR("localhost:"));
}

static bool secret_long_enough(const struct config *c, const struct secret *s, const char *variable,
                               char *error, size_t size)
{
    if (!s || secret_len(s) >= 16 || loopback(c->listen))
        return true;
    snprintf(error, size,
             "%s has %zu bytes; on a listener that is not loopback at least 16 are needed",
             variable, secret_len(s));
    return false;
}

bool secrets_complete(struct config *c, bool make, char *error, size_t size)
{
    return secret_complete(c, &c->nextauth_secret, "nextauth-secret", "NEXTAUTH_SECRET", make,
                           error, size) &&
           secret_complete(c, &c->root_key, "root-key", "OPBOXD_ROOT_KEY", make, error, size) &&
           secret_complete(c, &c->identity_hash_secret, "identity-hash-secret",
                           "IDENTITY_HASH_SECRET", make, error, size) &&
           secret_long_enough(c, c->nextauth_secret, "NEXTAUTH_SECRET", error, size) &&
           secret_long_enough(c, c->root_key, "OPBOXD_ROOT_KEY", error, size) &&
           secret_long_enough(c, c->identity_hash_secret, "IDENTITY_HASH_SECRET", error, size) &&
           secret_long_enough(c, c->cron_secret, "CRON_SECRET", error, size);
}
