/* Goals: the bytes of a secret lie in pages of their own that are locked, left out of dumps,
 * read-only after they were filled, and wiped before they go back to the system.
 *
 * Non-goals: hiding from root or from a debugger.
 *
 * Invariants: nothing but the bytes stands in their pages. A machine that forbids locking
 * (RLIMIT_MEMLOCK) or MADV_DONTDUMP still runs: dumps are off for the process too. */
#include "base/secret.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/crypto.h"

struct secret {
    atomic_int refs;
    size_t len;
    size_t map_bytes;
    char *bytes;
};

static void *pages_map(size_t bytes, int flags)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static struct secret *secret_map(size_t len)
{
    assert(len <= SIZE_MAX / 2);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct secret *s = malloc(sizeof *s);
    if (!s)
        abort();
    atomic_init(&s->refs, 1);
    s->len = len;
    s->map_bytes = (len + page) / page * page;
    s->bytes = pages_map(s->map_bytes, MAP_LOCKED);
    if (!s->bytes)
        s->bytes = pages_map(s->map_bytes, 0);
    if (!s->bytes) {
        fputs("opboxd: out of memory\n", stderr);
        abort();
    }
    (void)madvise(s->bytes, s->map_bytes, MADV_DONTDUMP);
    return s;
}

struct secret *secret_new(struct str bytes)
{
    struct secret *s = secret_map(bytes.len);
    if (bytes.len)
        memcpy(s->bytes, bytes.ptr, bytes.len);
    (void)mprotect(s->bytes, s->map_bytes, PROT_READ);
    return s;
}

struct secret *secret_random(size_t len)
{
    struct secret *s = secret_map(len);
    random_bytes(s->bytes, len);
    (void)mprotect(s->bytes, s->map_bytes, PROT_READ);
    return s;
}

struct secret *secret_share(const struct secret *s)
{
    struct secret *shared = (struct secret *)s;
    atomic_fetch_add(&shared->refs, 1);
    return shared;
}

void secret_free(struct secret *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) > 1)
        return;
    if (mprotect(s->bytes, s->map_bytes, PROT_READ | PROT_WRITE) == 0)
        bytes_wipe(s->bytes, s->len);
    (void)munmap(s->bytes, s->map_bytes);
    free(s);
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
