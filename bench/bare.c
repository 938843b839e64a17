/* The bare limit: how fast the same engine commits the same rows without HTTP, JSON, sign-in or the
 * gate. It copies the newest page and its audit row, which the server has written over HTTP, again
 * and again under new ids, in transactions of the depth that the server had.
 *
 *     bare sqlite FILE DEPTH SECONDS          one connection, settings as in src/db/driver_sqlite.c
 *     bare pgsql CONNINFO CONNECTIONS SECONDS one deed a transaction, SERIALIZABLE, as the server
 *     bare latency FILE 1 SECONDS             one row a commit, one after the other:
 * {"p50":ms,"p99":ms}
 *
 * Prints deeds (a page and an audit row) a second. Goals: do what any server must, and nothing
 * else. Non-goals: refusing bad input well; it is run by measure.mjs only. Invariant: DEPTH may be
 * broken (23.6): batches are of the two whole sizes around it, in that proportion. */
#include <libpq-fe.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COLUMNS_MAX = 64, ID_BYTES = 26, SQL_BYTES = 4096, COMMITS_MAX = 1000000 };

static const char *const tables[] = { "documents", "audit" };
static const char *const newest[] = {
    "SELECT * FROM documents WHERE kind = 'PAGE' ORDER BY id DESC LIMIT 1",
    "SELECT * FROM audit WHERE action = 'create_document' ORDER BY id DESC LIMIT 1",
};
enum { TABLES = 2 };

/* What a column gets in a new row. */
enum fill { AS_IT_WAS, NEW_ID, PAGE_ID, NEW_TIME, NEW_SEQ };

struct ids {
    uint64_t counter, random;
    int64_t now_ms, seq; /* of the audit row: a place in its chain that no other has */
    char page[ID_BYTES], audit[ID_BYTES], request[ID_BYTES];
};

static _Noreturn void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "bare: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}

static double monotonic_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Ordered by time as the server's are: where a row falls in the indexes decides the cost. */
static void id_make(struct ids *ids, char *ret)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint64_t time = (uint64_t)ids->now_ms, count = ids->counter++;
    ret[0] = 'c';
    for (int i = 8; i > 0; i--, time /= 36)
        ret[i] = digits[time % 36];
    for (int i = 12; i > 8; i--, count /= 36)
        ret[i] = digits[count % 36];
    for (int i = 13; i < ID_BYTES - 1; i++) {
        ids->random = ids->random * 6364136223846793005ULL + 1442695040888963407ULL;
        ret[i] = digits[(ids->random >> 33) % 36];
    }
    ret[ID_BYTES - 1] = 0;
}

static void ids_next(struct ids *ids)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    ids->now_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    id_make(ids, ids->request);
    id_make(ids, ids->page);
    ids->seq = (int64_t)(1000000000000 + (ids->random >> 34) * 1000000 + ids->counter);
    id_make(ids, ids->audit);
}

static enum fill fill_of(const char *column)
{
    if (strcmp(column, "id") == 0 || strcmp(column, "request_id") == 0)
        return NEW_ID;
    if (strcmp(column, "entity_id") == 0)
        return PAGE_ID;
    if (strcmp(column, "created_at") == 0 || strcmp(column, "updated_at") == 0)
        return NEW_TIME;
    if (strcmp(column, "seq") == 0)
        return NEW_SEQ;
    return AS_IT_WAS;
}

static const char *new_id(const struct ids *ids, int table, const char *column)
{
    if (strcmp(column, "request_id") == 0)
        return ids->request;
    return table == 0 ? ids->page : ids->audit;
}

/* INSERT INTO t (columns) VALUES (places); `mark` is ? or $. */
static void insert_sql(char *ret, int table, const char *const *columns, int count, char mark)
{
    size_t n = (size_t)snprintf(ret, SQL_BYTES, "INSERT INTO %s (", tables[table]);
    for (int i = 0; i < count; i++)
        n += (size_t)snprintf(ret + n, SQL_BYTES - n, "%s%s", i ? ", " : "", columns[i]);
    n += (size_t)snprintf(ret + n, SQL_BYTES - n, ") VALUES (");
    for (int i = 0; i < count; i++)
        n += (size_t)snprintf(ret + n, SQL_BYTES - n, "%s%c%d", i ? ", " : "", mark, i + 1);
    snprintf(ret + n, SQL_BYTES - n, ")");
}

/* ---- SQLite ---- */

struct lite_insert {
    sqlite3_stmt *st;
    int count;
    const char *columns[COLUMNS_MAX];
    enum fill fills[COLUMNS_MAX];
};

static void lite_exec(sqlite3 *db, const char *sql)
{
    char *error = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
        die("%s: %s", sql, error);
}

static void lite_prepare(sqlite3 *db, int table, struct lite_insert *ret)
{
    sqlite3_stmt *row;
    char sql[SQL_BYTES];
    if (sqlite3_prepare_v2(db, newest[table], -1, &row, NULL) != SQLITE_OK ||
        sqlite3_step(row) != SQLITE_ROW)
        die("no row to copy from %s: %s", tables[table], sqlite3_errmsg(db));
    ret->count = sqlite3_column_count(row);
    if (ret->count > COLUMNS_MAX)
        die("%s has more than %d columns", tables[table], COLUMNS_MAX);
    for (int i = 0; i < ret->count; i++) {
        ret->columns[i] = strdup(sqlite3_column_name(row, i));
        ret->fills[i] = fill_of(ret->columns[i]);
    }
    insert_sql(sql, table, ret->columns, ret->count, '?');
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &ret->st, NULL) != SQLITE_OK)
        die("%s: %s", sql, sqlite3_errmsg(db));
    for (int i = 0; i < ret->count; i++) /* what stays the same is bound once */
        sqlite3_bind_value(ret->st, i + 1, sqlite3_column_value(row, i));
    sqlite3_finalize(row);
}

static void lite_run(sqlite3 *db, struct lite_insert *in, int table, const struct ids *ids)
{
    for (int i = 0; i < in->count; i++) {
        if (in->fills[i] == NEW_TIME)
            sqlite3_bind_int64(in->st, i + 1, ids->now_ms);
        else if (in->fills[i] == NEW_SEQ)
            sqlite3_bind_int64(in->st, i + 1, ids->seq);
        else if (in->fills[i] == NEW_ID)
            sqlite3_bind_text(in->st, i + 1, new_id(ids, table, in->columns[i]), -1, SQLITE_STATIC);
        else if (in->fills[i] == PAGE_ID)
            sqlite3_bind_text(in->st, i + 1, ids->page, -1, SQLITE_STATIC);
    }
    if (sqlite3_step(in->st) != SQLITE_DONE)
        die("insert into %s: %s", tables[table], sqlite3_errmsg(db));
    sqlite3_reset(in->st);
}

static sqlite3 *lite_open(const char *file)
{
    sqlite3 *db;
    if (sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        die("%s: %s", file, sqlite3_errmsg(db));
    sqlite3_busy_timeout(db, 1000); /* a server may have the file open, and be at rest */
    lite_exec(db, "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;"
                  "PRAGMA cell_size_check=ON; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                  "PRAGMA cache_size=-8192; PRAGMA wal_autocheckpoint=4000;");
    return db;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void lite_latency(const char *file, double seconds)
{
    static double ms[COMMITS_MAX];
    struct lite_insert in;
    struct ids ids = { .random = (uint64_t)time(NULL) };
    sqlite3 *db = lite_open(file);
    size_t count = 0;
    lite_prepare(db, 0, &in);
    for (double start_s = monotonic_s();
         monotonic_s() - start_s < seconds && count < COMMITS_MAX;) {
        double begin_s = monotonic_s();
        ids_next(&ids);
        lite_run(db, &in, 0, &ids);
        ms[count++] = (monotonic_s() - begin_s) * 1000;
    }
    sqlite3_finalize(in.st);
    sqlite3_close(db);
    qsort(ms, count, sizeof *ms, by_size);
    printf("{\"p50\":%.3f,\"p99\":%.3f}\n", ms[count / 2], ms[count * 99 / 100]);
}

static double lite_measure(const char *file, double depth, double seconds)
{
    sqlite3 *db = lite_open(file);
    struct lite_insert inserts[TABLES];
    struct ids ids = { .random = (uint64_t)time(NULL) };
    for (int t = 0; t < TABLES; t++)
        lite_prepare(db, t, &inserts[t]);
    double start_s = monotonic_s(), now_s = start_s, owed = 0;
    int64_t deeds = 0;
    while (now_s - start_s < seconds) {
        int batch = (int)(owed += depth);
        owed -= batch;
        lite_exec(db, "BEGIN IMMEDIATE");
        for (int i = 0; i < batch; i++) {
            ids_next(&ids);
            for (int t = 0; t < TABLES; t++)
                lite_run(db, &inserts[t], t, &ids);
        }
        lite_exec(db, "COMMIT");
        deeds += batch;
        now_s = monotonic_s();
    }
    for (int t = 0; t < TABLES; t++)
        sqlite3_finalize(inserts[t].st);
    sqlite3_close(db);
    return (double)deeds / (now_s - start_s);
}

/* ---- PostgreSQL ---- */

struct pg_thread {
    pthread_t thread;
    const char *conninfo;
    uint64_t seed;
    double until_s;
    int64_t deeds;
};

struct pg_insert {
    PGresult *row;
    int count;
    const char *values[COLUMNS_MAX];
    enum fill fills[COLUMNS_MAX];
};

/* False: a serialization failure, to be repeated. */
static bool pg_done(PGconn *conn, PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
        (!state || strncmp(state, "40", 2) != 0))
        die("PostgreSQL: %s", PQerrorMessage(conn));
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    PQclear(r);
    return ok;
}

static void pg_prepare(PGconn *conn, int table, struct pg_insert *ret)
{
    const char *columns[COLUMNS_MAX];
    char sql[SQL_BYTES];
    ret->row = PQexec(conn, newest[table]);
    if (PQntuples(ret->row) != 1 || (ret->count = PQnfields(ret->row)) > COLUMNS_MAX)
        die("no row to copy from %s: %s", tables[table], PQerrorMessage(conn));
    for (int i = 0; i < ret->count; i++) {
        columns[i] = PQfname(ret->row, i);
        ret->fills[i] = fill_of(columns[i]);
        ret->values[i] = PQgetisnull(ret->row, 0, i) ? NULL : PQgetvalue(ret->row, 0, i);
    }
    insert_sql(sql, table, columns, ret->count, '$');
    pg_done(conn, PQprepare(conn, tables[table], sql, 0, NULL));
}

static bool pg_run(PGconn *conn, struct pg_insert *in, int table, const struct ids *ids)
{
    char now[24], seq[24];
    snprintf(now, sizeof now, "%lld", (long long)ids->now_ms);
    snprintf(seq, sizeof seq, "%lld", (long long)ids->seq);
    for (int i = 0; i < in->count; i++) {
        if (in->fills[i] == NEW_TIME)
            in->values[i] = now;
        else if (in->fills[i] == NEW_SEQ)
            in->values[i] = seq;
        else if (in->fills[i] == NEW_ID)
            in->values[i] = new_id(ids, table, PQfname(in->row, i));
        else if (in->fills[i] == PAGE_ID)
            in->values[i] = ids->page;
    }
    return pg_done(conn, PQexecPrepared(conn, tables[table], in->count, in->values, NULL, NULL, 0));
}

static bool pg_deed(PGconn *conn, struct pg_insert *inserts, const struct ids *ids)
{
    bool ok = pg_done(conn, PQexec(conn, "BEGIN ISOLATION LEVEL SERIALIZABLE"));
    for (int t = 0; ok && t < TABLES; t++)
        ok = pg_run(conn, &inserts[t], t, ids);
    return pg_done(conn, PQexec(conn, ok ? "COMMIT" : "ROLLBACK")) && ok;
}

static void *pg_main(void *arg)
{
    struct pg_thread *t = arg;
    struct pg_insert inserts[TABLES];
    struct ids ids = { .random = t->seed };
    PGconn *conn = PQconnectdb(t->conninfo);
    if (PQstatus(conn) != CONNECTION_OK)
        die("PostgreSQL: %s", PQerrorMessage(conn));
    for (int i = 0; i < TABLES; i++)
        pg_prepare(conn, i, &inserts[i]);
    while (monotonic_s() < t->until_s) {
        ids_next(&ids);
        t->deeds += pg_deed(conn, inserts, &ids);
    }
    for (int i = 0; i < TABLES; i++)
        PQclear(inserts[i].row);
    PQfinish(conn);
    return NULL;
}

static double pg_measure(const char *conninfo, int connections, double seconds)
{
    struct pg_thread *threads = calloc((size_t)connections, sizeof *threads);
    int64_t deeds = 0;
    if (!threads)
        die("no memory");
    for (int i = 0; i < connections; i++) {
        threads[i] = (struct pg_thread){ .conninfo = conninfo,
                                         .seed = (uint64_t)time(NULL) * 1000 + (uint64_t)i,
                                         .until_s = monotonic_s() + seconds };
        pthread_create(&threads[i].thread, NULL, pg_main, &threads[i]);
    }
    for (int i = 0; i < connections; i++) {
        pthread_join(threads[i].thread, NULL);
        deeds += threads[i].deeds;
    }
    free(threads);
    return (double)deeds / seconds;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        die("sqlite FILE DEPTH SECONDS | pgsql CONNINFO CONNECTIONS SECONDS | latency FILE 1 "
            "SECONDS");
    double width = strtod(argv[3], NULL), seconds = strtod(argv[4], NULL);
    if (width < 1 || seconds <= 0)
        die("depth and connections are at least 1, seconds above 0");
    if (strcmp(argv[1], "latency") == 0)
        lite_latency(argv[2], seconds);
    else if (strcmp(argv[1], "sqlite") == 0)
        printf("%.1f\n", lite_measure(argv[2], width, seconds));
    else
        printf("%.1f\n", pg_measure(argv[2], (int)width, seconds));
    return 0;
}
