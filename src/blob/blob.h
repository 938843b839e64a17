/* Blobs: bytes with an address, in one of three stores behind one contract.
 *
 *   dir       DIR/blobs/aa/bb…: write to a temporary file, fsync, rename, fsync the folder
 *   database  chunks of 256 KiB in table blob_chunks (several nodes over one PostgreSQL; works on
 * SQLite) s3        an S3-compatible bucket (AWS Signature Version 4 by libcurl) Up to 64 KiB the
 * bytes stand in the row of table `blobs` whatever the store.
 *
 * The address is HMAC-SHA-256 of the content under the tenant's key (derived from the root key and
 * the workspace id): equal files of one tenant are stored once, nobody can probe for another
 * tenant's. Order of a write: bytes durable, then the row in the deed's transaction. A crash
 * between leaves an orphan, which blob_sweep removes. Blocking: call from LANE_WORKER or LANE_SLOW,
 * never on a loop. */
#ifndef BLOB_BLOB_H
#define BLOB_BLOB_H

#include "base/cx.h"

#define BLOB_INLINE_BYTES_MAX (64 * 1024)

struct blob_store;

enum blob_store_kind { BLOB_STORE_DIR = 1, BLOB_STORE_DATABASE, BLOB_STORE_S3 };

struct blob_store_options {
    enum blob_store_kind kind;
    struct str
        dir; /* DIR/blobs; temporary files of uploads are kept in DIR/blobs/tmp for all kinds */
    struct str s3_endpoint, s3_region, s3_bucket, s3_access_key;
    struct secret *s3_secret_key;
    struct secret *root_key; /* the tenants' address keys are derived from it */
};
enum err blob_store_open(struct app *app, const struct blob_store_options *o,
                         struct blob_store **ret, char *error, size_t error_size);
void blob_store_close(struct blob_store *s);

/* ---- writing: spool, then keep ---- */

/* Takes bytes as they come, counting and hashing; not visible to anybody. */
struct blob_spool;
enum err blob_spool_begin(struct cx *cx, int64_t bytes_max, struct blob_spool **ret);
/* ERR_PAYLOAD_TOO_LARGE past bytes_max, ERR_QUOTA_EXCEEDED when the disk is full. */
enum err blob_spool_write(struct cx *cx, struct blob_spool *s, struct str bytes);
int64_t blob_spool_bytes(const struct blob_spool *s);
void blob_spool_sha256(struct blob_spool *s, uint8_t out[32]); /* after the last byte */
/* Makes the bytes durable in the store (outside any transaction); *ret_id is the id that blob_add
 * takes. */
struct blob_ref {
    struct str id; /* CUID; absent: no blob */
    int64_t bytes;
    uint8_t sha256[32];
    struct str address;      /* hex; key of the stored bytes */
    struct str inline_bytes; /* present up to 64 KiB */
};
enum err blob_spool_finish(struct cx *cx, struct blob_spool *s, struct blob_ref *ret);
void blob_spool_free(struct blob_spool *s); /* drops what was not kept; NULL is fine */

/* Inside TX_WRITE: the row, owned by cx's workspace. */
enum err blob_add(struct cx *cx, const struct blob_ref *ref);
/* Inside TX_WRITE: removes the row; the bytes go with the sweep when no row of the tenant has them.
 */
enum err blob_remove(struct cx *cx, struct str blob_id);

/* ---- reading ---- */

struct blob_reader;
/* Of cx's workspace, else NOT_FOUND. Looks the row up (db_read), then holds no transaction. */
enum err blob_open(struct cx *cx, struct str blob_id, struct blob_reader **ret);
int64_t blob_reader_bytes(const struct blob_reader *r);
/* Up to `len` bytes from `offset` into `out`. */
enum err blob_read_at(struct cx *cx, struct blob_reader *r, int64_t offset, size_t len, char *out,
                      size_t *ret_len);
void blob_reader_free(struct blob_reader *r); /* NULL is fine */

/* Removes stored bytes and temporary files older than `grace_ms` that no row knows, in slices. */
enum err blob_sweep(struct cx *cx, int64_t grace_ms, int64_t *ret_removed);

#endif
