/* What a store does for blob.c: bytes under an address. Private to src/blob.
 *
 * Bytes under one address are always the same, so a second put may be left away, but it must make
 * them young again: the sweep takes only what is older than its grace. */
#ifndef BLOB_STORE_H
#define BLOB_STORE_H

#include <pthread.h>

#include "blob/blob.h"

#define BLOB_ADDRESS_BYTES 64 /* hex */
#define BLOB_CHUNK_BYTES (256 * 1024)

struct blob_source {
    int fd; /* a file with the bytes; its offset is not used */
    const char *path;
    int64_t bytes;
    uint8_t sha256[32];
};

/* First member of each store's own. */
struct blob_store {
    const struct blob_store_type *type;
    struct app *app;
    char *tmp;               /* folder of the spools */
    struct secret *root_key; /* the caller's */
};

struct blob_store_type {
    const char *name; /* as in column blobs.store */
    void (*close)(struct blob_store *s);
    /* Durable when it returns OK. May move the file away (then *ret_moved). */
    enum err (*put)(struct cx *cx, struct blob_store *s, struct str address,
                    const struct blob_source *src, bool *ret_moved);
    /* len bytes from offset, all of them inside the blob. */
    enum err (*get)(struct cx *cx, struct blob_store *s, struct str address, int64_t offset,
                    size_t len, char *out);
    /* Removes what is older than before_ms and has no row. */
    enum err (*sweep)(struct cx *cx, struct blob_store *s, int64_t before_ms, int64_t *ret_removed);
};

enum err blob_dir_open(struct app *app, const struct blob_store_options *o, struct blob_store **ret,
                       char *error, size_t error_size);
enum err blob_database_open(struct app *app, const struct blob_store_options *o,
                            struct blob_store **ret, char *error, size_t error_size);
enum err blob_s3_open(struct app *app, const struct blob_store_options *o, struct blob_store **ret,
                      char *error, size_t error_size);

/* Does a row of any tenant have the address? Opens its own read. */
enum err blob_address_owned(struct cx *cx, struct str address, bool *ret);
bool blob_address_valid(struct str s);
/* The failure of a system call. */
enum err blob_io_fail(struct cx *cx, const char *what, int error_number);
/* Removes files of the folder that are older than before_ms. */
enum err blob_tmp_sweep(struct blob_store *s, int64_t before_ms, int64_t *ret_removed);

#endif
