/* Goals: secrets lie in pages of their own that are locked, left out of dumps, read-only after they
 * were filled, and wiped before they go back to the system.
 *
 * Non-goals: hiding from root or from a debugger.
 *
 * Invariants: the page holds its header and its bytes; nothing else points into it. A machine that
 * forbids mlock (RLIMIT_MEMLOCK) or MADV_DONTDUMP still runs: dumps are off for the process too. */
#include "base/secret.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/crypto.h"

struct secret {
    size_t map_bytes;
    size_t len;
    char bytes[];
};

static struct secret *secret_map(size_t len)
{
    assert(len <= SIZE_MAX / 2);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t map_bytes = (sizeof(struct secret) + len + page - 1) / page * page;
    void *p = mmap(NULL, map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        fputs("opboxd: out of memory\n", stderr);
        abort();
    }
    (void)mlock(p, map_bytes);
    (void)madvise(p, map_bytes, MADV_DONTDUMP);
    struct secret *s = p;
    s->map_bytes = map_bytes;
    s->len = len;
    return s;
}

struct secret *secret_new(struct str bytes)
{
    struct secret *s = secret_map(bytes.len);
    if (bytes.len)
        memcpy(s->bytes, bytes.ptr, bytes.len);
    (void)mprotect(s, s->map_bytes, PROT_READ);
    return s;
}

struct secret *secret_random(size_t len)
{
    struct secret *s = secret_map(len);
    random_bytes(s->bytes, len);
    (void)mprotect(s, s->map_bytes, PROT_READ);
    return s;
}

void secret_free(struct secret *s)
{
    if (!s)
        return;
    size_t map_bytes = s->map_bytes;
    if (mprotect(s, map_bytes, PROT_READ | PROT_WRITE) == 0)
        bytes_wipe(s, map_bytes);
    (void)munmap(s, map_bytes);
}

struct str secret_bytes(const struct secret *s)
{
    return s ? (struct str){ s->bytes, s->len } : STR_NULL;
}

size_t secret_len(const struct secret *s)
{
    return s ? s->len : 0;
}

void secret_forbid_dumps(void)
{
    struct rlimit none = { 0, 0 };
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
