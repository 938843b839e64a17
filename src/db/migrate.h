/* Migrations: numbered, forward only, embedded from migrations/ at build, each with its SHA-256.
 *
 * One dialect with a few words that are replaced for each engine:
 *   {text} {int} {real} {bytes}   TEXT INTEGER REAL BLOB  |  text COLLATE "C", bigint, double
 * precision, bytea {rowid}    closes a table that keeps SQLite's rowid:        ) STRICT  |  )
 *   {clustered} closes a table stored by its primary key:       ) STRICT, WITHOUT ROWID  |  )
 *   -- @sqlite / -- @pgsql / -- @end    lines of one engine only
 * Applied in one transaction each, under an advisory lock on PostgreSQL. */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

#include "db/db.h"

struct db_migration {
    int number;         /* 1 … */
    const char *name;   /* "0001_walls" */
    const char *text;   /* as in the file */
    const char *sha256; /* hex of the file */
};
extern const struct db_migration db_migrations[]; /* generated */
extern const int db_migrations_count;

enum db_schema_state {
    DB_SCHEMA_EMPTY = 1,
    DB_SCHEMA_OLD,
    DB_SCHEMA_CURRENT,
    DB_SCHEMA_NEWER,  /* made by a later version of the program: refuse */
    DB_SCHEMA_ALTERED /* an applied migration has another hash: refuse */
};

/* On NEWER and ALTERED `sentence` says which, in words for an operator. */
enum err db_schema_state(struct db *db, enum db_schema_state *ret, char *sentence, size_t size);
/* Brings EMPTY or OLD to CURRENT. *ret_applied counts what was done. */
enum err db_migrate(struct db *db, int *ret_applied, char *sentence, size_t size);

#endif
