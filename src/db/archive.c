/* Engine-neutral backup and restore. See archive.h.
 *
 * Goals: one consistent snapshot, streamed; a file that was cut or altered is refused before a row is
 * written; what SQLite wrote PostgreSQL reads, and back.
 * Non-goals: encryption (what is secret is stored sealed), partial restores.
 *
 * Layout, integers little-endian:
 *   "OPBOXD-BACKUP\n" u32 format u32 schema
 *   'T' u32 columns {u16 len, name, u8 type}… u16 len, table     a table's head
 *   'B' u32 rows u32 deflated u32 inflated u32 crc, deflated     a block of its rows
 *   'E' u64 tables u64 rows sha256[32]                           over everything in front of it
 * A value in a block: u8 type (0 null, 1 int, 2 real, 3 text, 4 bytes), then 8 bytes or u32 length + bytes.
 *
 * Invariants: no more than one block is in memory; the trailer is checked by a first pass over the whole
 * file, so that the second can trust what it reads; tables go in an order in which foreign keys hold, rows
 * of a table that refers to itself parents first. */
#include "db/archive.h"
