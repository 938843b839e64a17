/* Engine-neutral backup: every table's rows in one compressed, checksummed stream that restores
 * into either engine.
 *
 * The form is archive_format.h's: typed rows in deflated blocks with CRC-32, and a trailer with the
 * counts and a SHA-256 over everything before it. A cut or altered file is refused before a row is
 * written: it is read whole before the transaction begins. Tables and columns are read from the
 * live schema, so a new table needs no code here. schema_migrations itself is not archived, nor are
 * blobs that the store keeps outside of the database. */
#ifndef DB_ARCHIVE_H
#define DB_ARCHIVE_H

#include "db/db.h"

struct db_archive_counts {
    int64_t tables, rows, bytes; /* of the file */
};
/* One consistent snapshot, without stopping writers. `progress` may be NULL. Writes to `fd` (the
 * caller fsyncs and renames). */
enum err db_archive_write(struct cx *cx, int fd, void (*progress)(int64_t rows, void *arg),
                          void *arg, struct db_archive_counts *ret);
/* The schema number that the archive was written at, after a look at its two ends. */
enum err db_archive_schema(struct cx *cx, int fd, int64_t *ret);
/* Into an empty, migrated database of the archive's schema number; `fd` is a regular file. All or
 * nothing on SQLite and PostgreSQL. ERR_VALIDATION: the file is no whole archive; ERR_CONFLICT: the
 * database has rows, or another schema. Ends with db_archive_after_restore, in the same
 * transaction. */
enum err db_archive_read(struct cx *cx, int fd, void (*progress)(int64_t rows, void *arg),
                         void *arg, struct db_archive_counts *ret);
/* In a write: ends all sessions, raises every epoch and session version, marks what was under way
 * as interrupted, releases leases, forgets nodes. */
enum err db_archive_after_restore(struct cx *cx);

#endif
