/* Engine-neutral backup: every table's rows in one compressed, checksummed stream that restores
 * into either engine.
 *
 * Format: magic, format number, schema number, then for each table a header (name, columns, types)
 * and its rows (length-prefixed typed values) in blocks of at most 1 MiB, each with CRC-32,
 * deflated; a trailer with the counts and a SHA-256 over everything before it. A cut or altered
 * file is refused before a row is written (the trailer is checked first). Tables and columns are
 * read from the live schema, so a new table needs no code here. */
#ifndef DB_ARCHIVE_H
#define DB_ARCHIVE_H

#include "db/db.h"

struct db_archive_counts {
    int64_t tables, rows, bytes;
};
/* One consistent snapshot, without stopping writers. `progress` may be NULL. Writes to `fd` (the
 * caller fsyncs and renames). */
enum err db_archive_write(struct cx *cx, int fd, void (*progress)(int64_t rows, void *arg),
                          void *arg, struct db_archive_counts *ret);
/* Into an empty, migrated database of the archive's schema number (or older: then the caller
 * migrates afterwards). All or nothing on SQLite and PostgreSQL. */
enum err db_archive_read(struct cx *cx, int fd, void (*progress)(int64_t rows, void *arg),
                         void *arg, struct db_archive_counts *ret);

#endif
