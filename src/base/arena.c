/* Goals: bump allocation that costs a few instructions, release of everything at once, chunks that
 * are kept so that a connection in its steady state never calls malloc, and use after reset that
 * AddressSanitizer finds.
 *
 * Non-goals: freeing single allocations, threads, recovering from exhausted memory.
 *
 * Invariants: `current` heads the list of chunks in use, newest first. Chunks that a reset emptied
 * stand in `spare`. A record of arena_defer lies in the arena above the mark it was made after, so
 * records die together with what they guard. Bytes at and above `used` are poisoned. */
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define ARENA_POISON(ptr, len) ASAN_POISON_MEMORY_REGION((ptr), (len))
#define ARENA_UNPOISON(ptr, len) ASAN_UNPOISON_MEMORY_REGION((ptr), (len))
#define ARENA_GAP_BYTES ((size_t)16) /* a poisoned gap finds overruns between allocations */
#else
#define ARENA_POISON(ptr, len) ((void)0)
#define ARENA_UNPOISON(ptr, len) ((void)0)
#define ARENA_GAP_BYTES ((size_t)0)
#endif

#define ARENA_CHUNK_BYTES_DEFAULT ((size_t)4096)
#define ARENA_CHUNK_BYTES_MAX ((size_t)256 * 1024)
#define ARENA_ALIGN ((size_t)16)

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* of bytes */
    size_t used;
    _Alignas(16) unsigned char bytes[];
};

struct arena_defer_record {
    struct arena_defer_record *next;
    void (*fn)(void *arg);
    void *arg;
};

struct arena {
    struct arena_chunk *current;
    struct arena_chunk *spare;
    struct arena_defer_record *defers;
    size_t chunk_bytes; /* of the next chunk */
    size_t first_bytes; /* of the first chunk of an arena that holds none */
    size_t held_bytes;
};

static void *memory_or_abort(void *p)
{
    if (!p) {
        fputs("opboxd: out of memory\n", stderr);
        abort();
    }
    return p;
}

struct arena *arena_new(size_t chunk_bytes)
{
    struct arena *a = memory_or_abort(calloc(1, sizeof *a));
    a->chunk_bytes = chunk_bytes ? chunk_bytes : ARENA_CHUNK_BYTES_DEFAULT;
    if (a->chunk_bytes > ARENA_CHUNK_BYTES_MAX)
        a->chunk_bytes = ARENA_CHUNK_BYTES_MAX;
    a->first_bytes = a->chunk_bytes;
    return a;
}

static void defers_run(struct arena *a, struct arena_defer_record *until)
{
    while (a->defers && a->defers != until) {
        struct arena_defer_record *d = a->defers;
        a->defers = d->next;
        d->fn(d->arg);
    }
    assert(a->defers == until);
}

static void chunk_free(struct arena *a, struct arena_chunk *c)
{
    a->held_bytes -= c->size;
    ARENA_UNPOISON(c->bytes, c->size);
    free(c);
}

static void chunks_free(struct arena *a, struct arena_chunk *c)
{
    while (c) {
        struct arena_chunk *next = c->next;
        chunk_free(a, c);
        c = next;
    }
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    defers_run(a, NULL);
    chunks_free(a, a->current);
    chunks_free(a, a->spare);
    free(a);
}

static size_t chunk_bytes_after(size_t bytes)
{
    return bytes * 2 > ARENA_CHUNK_BYTES_MAX ? ARENA_CHUNK_BYTES_MAX : bytes * 2;
}

/* Takes the first spare chunk with room, or a new one. */
static struct arena_chunk *chunk_for(struct arena *a, size_t need)
{
    for (struct arena_chunk **at = &a->spare; *at; at = &(*at)->next) {
        struct arena_chunk *c = *at;
        if (c->size >= need) {
            *at = c->next;
            return c;
        }
    }
    size_t size = a->chunk_bytes;
    if (size < need)
        size = need;
    a->chunk_bytes = chunk_bytes_after(a->chunk_bytes);
    struct arena_chunk *c = memory_or_abort(malloc(sizeof *c + size));
    c->size = size;
    c->used = 0;
    a->held_bytes += size;
    ARENA_POISON(c->bytes, c->size);
    return c;
}

static size_t step_of(size_t size)
{
    return ((size ? size : 1) + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN + ARENA_GAP_BYTES;
}

void *arena_alloc_raw(struct arena *a, size_t size)
{
    if (size > SIZE_MAX / 2)
        memory_or_abort(NULL);
    size_t step = step_of(size);
    struct arena_chunk *c = a->current;
    if (!c || c->size - c->used < step) {
        c = chunk_for(a, step);
        c->next = a->current;
        a->current = c;
    }
    void *p = c->bytes + c->used;
    c->used += step;
    ARENA_UNPOISON(p, size);
    return p;
}

bool arena_extend(struct arena *a, void *p, size_t size, size_t new_size)
{
    struct arena_chunk *c = a->current;
    size_t old = step_of(size);
    assert(size <= new_size);
    if (!c || new_size > SIZE_MAX / 2 || c->used < old ||
        c->bytes + (c->used - old) != (unsigned char *)p)
        return false;
    size_t start = c->used - old, step = step_of(new_size);
    if (step > c->size - start)
        return false;
    c->used = start + step;
    ARENA_UNPOISON(p, new_size);
    return true;
}

void *arena_alloc(struct arena *a, size_t size)
{
    void *p = arena_alloc_raw(a, size);
    memset(p, 0, size);
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        abort();
    return arena_alloc(a, bytes);
}

struct arena_mark arena_mark(struct arena *a)
{
    return (struct arena_mark){ a->current, a->current ? a->current->used : 0, a->defers };
}

void arena_reset(struct arena *a, struct arena_mark m)
{
    defers_run(a, m.defers);
    while (a->current != m.chunk) {
        struct arena_chunk *c = a->current;
        assert(c); /* the mark belongs to this arena and was not released before */
        a->current = c->next;
        c->used = 0;
        ARENA_POISON(c->bytes, c->size);
        c->next = a->spare;
        a->spare = c;
    }
    if (a->current) {
        assert(m.used <= a->current->used);
        ARENA_POISON(a->current->bytes + m.used, a->current->size - m.used);
        a->current->used = m.used;
    }
}

void arena_clear(struct arena *a, size_t keep_bytes)
{
    arena_reset(a, (struct arena_mark){ NULL, 0, NULL });
    struct arena_chunk **at = &a->spare;
    size_t kept = 0;
    /* Chunks grow from what is kept: one that is cleared for each event would else ask for the
     * largest each time. */
    a->chunk_bytes = a->first_bytes;
    while (*at) {
        struct arena_chunk *c = *at;
        if (c->size > keep_bytes - kept) {
            *at = c->next;
            chunk_free(a, c);
        } else {
            kept += c->size;
            if (a->chunk_bytes <= c->size)
                a->chunk_bytes = chunk_bytes_after(c->size);
            at = &c->next;
        }
    }
}

void arena_defer(struct arena *a, void (*fn)(void *arg), void *arg)
{
    struct arena_defer_record *d = arena_new_of(a, struct arena_defer_record);
    *d = (struct arena_defer_record){ a->defers, fn, arg };
    a->defers = d;
}

size_t arena_bytes(const struct arena *a)
{
    return a->held_bytes;
}
