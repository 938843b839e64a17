/* Arena: memory that is freed all at once.
 *
 * One arena a request. Chunks are kept on reset, so that a connection that serves many requests
 * allocates nothing in the steady state. Not thread safe: one owner at a time. Allocation failure
 * aborts the process; sizes from outside are checked by the caller before they get here.
 *
 * With AddressSanitizer, memory behind the mark is poisoned, so that use after reset is found. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* `chunk_bytes` is the size of the first chunk (0: 4096); later ones grow up to 256 KiB. */
struct arena *arena_new(size_t chunk_bytes);
void arena_free(struct arena *a); /* runs what was deferred, newest first; NULL is fine */

/* 16-byte aligned, zeroed. A size of 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t size);
/* count * size with overflow check (overflow aborts: it is our own bug). */
void *arena_array(struct arena *a, size_t count, size_t size);
/* Not zeroed; for buffers that are overwritten whole. */
void *arena_alloc_raw(struct arena *a, size_t size);
/* Makes the newest allocation larger where it is. False: it is not the newest, or there is no room
 * behind it; then nothing has changed. What is added is not zeroed. */
bool arena_extend(struct arena *a, void *p, size_t size, size_t new_size);
#define arena_new_of(a, type) ((type *)arena_alloc((a), sizeof(type)))

/* Position to return to. What was allocated and deferred since then is released by arena_reset. */
struct arena_mark {
    void *chunk;
    size_t used;
    void *defers;
};
struct arena_mark arena_mark(struct arena *a);
void arena_reset(struct arena *a, struct arena_mark m);
/* Back to empty; keeps at most `keep_bytes` of chunks. */
void arena_clear(struct arena *a, size_t keep_bytes);

/* Calls fn(arg) when the arena is freed, cleared, or reset before this point: for files, handles.
 */
void arena_defer(struct arena *a, void (*fn)(void *arg), void *arg);

/* Bytes held in chunks, for limits and metrics. */
size_t arena_bytes(const struct arena *a);

#endif
