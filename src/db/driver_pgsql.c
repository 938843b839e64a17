/* PostgreSQL behind driver.h, over libpq.
 *
 * Goals: one round trip for each statement and one for COMMIT, nothing else: BEGIN, SAVEPOINT and
 * the like wait in `pending` and travel with the next statement, as does the preparation of a
 * statement that this connection sees for the first time (pipeline mode); the end of a read is sent
 * and its answer read later. Values go as binary, with types that the statement declares.
 * Non-goals: several transactions on one connection, LISTEN (a later module).
 *
 * Invariants
 * - `pending` is what the server has not been sent yet. While it starts with BEGIN nothing of this
 *   transaction exists, so a connection that turns out dead is replaced without anybody noticing.
 * - After each call but a read's end, the connection has no answer outstanding.
 * - A lost connection is DB_BROKEN. From commit this means: the outcome is not known.
 * - No password in `error`: libpq's sentences about a malformed URL are not passed on. */
#include <assert.h>
#include <endian.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db/driver.h"

#define ANSWER_MS 40000 /* above statement_timeout: the server gives up first */
#define PENDING_MAX 8
#define SERVER_VERSION_MIN 130000

enum control {
    BEGIN_READ,
    BEGIN_WRITE,
    BEGIN_READ_COMMITTED,
    COMMIT,
    ROLLBACK,
    SAVEPOINT,
    RELEASE,
    ROLLBACK_TO,
    NO_TIME_LIMIT
};
static const char *const control_texts[] = {
    [BEGIN_READ] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    [BEGIN_WRITE] = "BEGIN ISOLATION LEVEL SERIALIZABLE",
    [BEGIN_READ_COMMITTED] = "BEGIN ISOLATION LEVEL READ COMMITTED",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [SAVEPOINT] = "SAVEPOINT u",
    [RELEASE] = "RELEASE u",
    [ROLLBACK_TO] = "ROLLBACK TO u",
    [NO_TIME_LIMIT] = "SET LOCAL statement_timeout = 0",
};

static const char settings[] =
    "SET synchronous_commit = on; SET TimeZone = 'UTC'; SET client_encoding = 'UTF8';"
    "SET statement_timeout = '30s';"
    "SET idle_in_transaction_session_timeout = '60s'; SET jit = off;"
    "SET client_min_messages = warning;";

enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_OID = 26,
    OID_JSON = 114,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_UNKNOWN = 705,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043
};

struct pgsql_conn {
    struct db_conn base;
    PGconn *pg;
    const char *url;
    enum control pending[PENDING_MAX];
    int pending_count;
    bool in_transaction;
    bool reads;  /* the transaction is read-only */
    bool unread; /* the answer to a read's end is outstanding */
    bool stale;  /* the server has lost our prepared statements: reconnect before the next use */
    int64_t answer_ms;
    uint8_t *prepared; /* a bit for each statement number */
};

static struct pgsql_conn *self(struct db_conn *c)
{
    return (struct pgsql_conn *)c;
}

/* ---- errors ---- */

static void error_set(struct pgsql_conn *c, const char *text)
{
    snprintf(c->base.error, sizeof c->base.error, "%.*s", (int)strcspn(text, "\n"), text);
}

static enum db_result broken(struct pgsql_conn *c, const char *text)
{
    error_set(c, text && *text ? text : "the connection to the database is gone");
    return DB_BROKEN;
}

static enum db_result state_result(const char *state)
{
    static const struct {
        const char *prefix;
        enum db_result res;
    } map[] = {
        { "23505", DB_CONFLICT }, { "23P01", DB_CONFLICT }, { "23", DB_CONSTRAINT },
        { "40001", DB_REPEAT },   { "40P01", DB_REPEAT },   { "55P03", DB_IO },
        { "53100", DB_FULL },     { "57014", DB_IO },       { "57", DB_BROKEN },
        { "53", DB_IO },          { "08", DB_BROKEN },      { "58", DB_IO },
        { "XX", DB_IO },          { "25006", DB_IO },       { "25P03", DB_BROKEN },
    };
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (strncmp(state, map[i].prefix, strlen(map[i].prefix)) == 0)
            return map[i].res;
    return DB_FAULT;
}

static enum db_result result_failed(struct pgsql_conn *c, const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (PQstatus(c->pg) == CONNECTION_BAD || !state)
        return broken(c, PQerrorMessage(c->pg));
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    snprintf(c->base.error, sizeof c->base.error, "%s (%s)", text ? text : "no message", state);
    /* "cached plan must not change result type", "prepared statement does not exist" */
    if (strcmp(state, "0A000") == 0 || strcmp(state, "26000") == 0)
        c->stale = true;
    return state_result(state);
}

/* ---- waiting with a limit ---- */

/* Waits for the socket; false: time is over. */
static bool socket_wait(PGconn *pg, short events, int64_t until_ms)
{
    for (;;) {
        int64_t left_ms = until_ms - clock_monotonic_ms();
        if (left_ms <= 0)
            return false;
        if (left_ms > 60000)
            left_ms = 60000;
        struct pollfd p = { .fd = PQsocket(pg), .events = events };
        int n = poll(&p, 1, (int)left_ms);
        if (n > 0)
            return true;
    }
}

/* The next result, or NULL between two; *ret is DB_BROKEN when there will be none. */
static PGresult *result_next(struct pgsql_conn *c, int64_t until_ms, enum db_result *ret)
{
    *ret = DB_DONE;
    while (PQisBusy(c->pg)) {
        if (!socket_wait(c->pg, POLLIN, until_ms)) {
            *ret = broken(c, "the database did not answer in time");
            return NULL;
        }
        if (!PQconsumeInput(c->pg)) {
            *ret = broken(c, PQerrorMessage(c->pg));
            return NULL;
        }
    }
    PGresult *r = PQgetResult(c->pg);
    if (!r && PQstatus(c->pg) == CONNECTION_BAD)
        *ret = broken(c, PQerrorMessage(c->pg));
    return r;
}

/* ---- connecting ---- */

static void notice_drop(void *arg, const PGresult *r)
{
    (void)arg;
    (void)r;
}

static PGconn *connect_start(const char *url)
{
    /* What stands before dbname can be overridden by the URL, what stands after cannot. */
    const char *const names[] = { "application_name",    "connect_timeout",
                                  "keepalives",          "keepalives_idle",
                                  "keepalives_interval", "keepalives_count",
                                  "tcp_user_timeout",    "dbname",
                                  "client_encoding",     NULL };
    const char *const values[] = {
        "opboxd", "5", "1", "30", "10", "3", "20000", url, "UTF8", NULL
    };
    return PQconnectStartParams(names, values, 1);
}

static bool connect_finish(PGconn *pg, int64_t until_ms)
{
    PostgresPollingStatusType st = PGRES_POLLING_WRITING;
    while (st == PGRES_POLLING_READING || st == PGRES_POLLING_WRITING) {
        if (!socket_wait(pg, st == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_ms))
            return false;
        st = PQconnectPoll(pg);
    }
    return st == PGRES_POLLING_OK;
}

static enum db_result session_check(struct pgsql_conn *c, char *error, size_t error_size)
{
    const char *encoding = PQparameterStatus(c->pg, "server_encoding");
    if (!encoding || strcmp(encoding, "UTF8") != 0) {
        snprintf(error, error_size,
                 "The PostgreSQL database has the encoding %s; it must be created with UTF8.",
                 encoding ? encoding : "(unknown)");
        return DB_FAULT;
    }
    if (PQserverVersion(c->pg) < SERVER_VERSION_MIN) {
        snprintf(error, error_size, "The PostgreSQL server is older than version 13.");
        return DB_FAULT;
    }
    PGresult *r = PQexec(c->pg, settings);
    bool ok = PQresultStatus(r) == PGRES_COMMAND_OK && PQenterPipelineMode(c->pg);
    if (!ok)
        snprintf(error, error_size, "cannot set up the PostgreSQL session: %.*s",
                 (int)strcspn(PQerrorMessage(c->pg), "\n"), PQerrorMessage(c->pg));
    PQclear(r);
    return ok ? DB_DONE : DB_BROKEN;
}

static enum db_result connect_now(struct pgsql_conn *c, int64_t timeout_ms, char *error,
                                  size_t error_size)
{
    char *why = NULL;
    PQconninfoOption *parsed = PQconninfoParse(c->url, &why);
    PQfreemem(why); /* may repeat a part of the URL */
    if (!parsed) {
        snprintf(error, error_size, "The PostgreSQL URL is malformed.");
        return DB_FAULT;
    }
    PQconninfoFree(parsed);
    PQfinish(c->pg);
    memset(c->prepared, 0, db_statements_count / 8 + 1);
    c->unread = c->stale = false;
    c->pg = connect_start(c->url);
    if (!c->pg)
        abort();
    bool ok = PQstatus(c->pg) != CONNECTION_BAD &&
              connect_finish(c->pg, clock_monotonic_ms() + timeout_ms);
    if (!ok) {
        const char *text =
            PQstatus(c->pg) == CONNECTION_BAD ? PQerrorMessage(c->pg) : "no answer in time";
        snprintf(error, error_size, "cannot connect to PostgreSQL: %.*s", (int)strcspn(text, "\n"),
                 text);
        return DB_BROKEN;
    }
    PQsetNoticeReceiver(c->pg, notice_drop, NULL);
    return session_check(c, error, error_size);
}

static void pgsql_close(struct db_conn *b)
{
    if (!b)
        return;
    PQfinish(self(b)->pg);
    free(self(b)->prepared);
    free(b);
}

static enum db_result pgsql_open(const struct db_source *s, bool writer, int64_t timeout_ms,
                                 struct db_conn **ret, char *error, size_t error_size)
{
    struct pgsql_conn *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->base.driver = &db_driver_pgsql;
    c->url = s->url;
    c->answer_ms = ANSWER_MS;
    c->prepared = calloc(1, db_statements_count / 8 + 1);
    if (!c->prepared)
        abort();
    enum db_result res = connect_now(c, timeout_ms, error, error_size);
    if (res == DB_DONE)
        *ret = &c->base;
    else
        pgsql_close(&c->base);
    return res;
}

/* ---- sending and collecting ---- */

static bool is_prepared(const struct pgsql_conn *c, uint16_t number)
{
    return c->prepared[number / 8] >> number % 8 & 1;
}

static bool control_send(struct pgsql_conn *c, enum control which)
{
    return PQsendQueryParams(c->pg, control_texts[which], 0, NULL, NULL, NULL, NULL, 1);
}

static bool pending_send(struct pgsql_conn *c)
{
    for (int i = 0; i < c->pending_count; i++)
        if (!control_send(c, c->pending[i]))
            return false;
    return true;
}

/* Reads answers up to the end of the pipeline. Keeps the result of the last of `commands` in
 * *ret_last (when that is not NULL); the first failure decides. *ret_done counts commands without
 * failure. */
static enum db_result pipeline_collect(struct pgsql_conn *c, int commands, PGresult **ret_last,
                                       int *ret_done)
{
    int64_t until_ms = clock_monotonic_ms() + c->answer_ms;
    enum db_result res = DB_DONE, lost;
    int at = 0;
    for (;;) {
        PGresult *r = result_next(c, until_ms, &lost);
        if (lost != DB_DONE) {
            PQclear(r);
            return DB_BROKEN;
        }
        if (!r) {
            at++;
            continue;
        }
        ExecStatusType status = PQresultStatus(r);
        if (status == PGRES_PIPELINE_SYNC) {
            PQclear(r);
            return res;
        }
        bool good =
            status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
        if (good && res == DB_DONE)
            *ret_done = at + 1;
        else if (!good && status != PGRES_PIPELINE_ABORTED && res == DB_DONE)
            res = result_failed(c, r);
        if (good && ret_last && at == commands - 1 && !*ret_last)
            *ret_last = r;
        else
            PQclear(r);
    }
}

/* The answer to the end of the read before; what it says does not matter. */
static enum db_result unread_drop(struct pgsql_conn *c)
{
    int done = 0;
    if (!c->unread)
        return DB_DONE;
    c->unread = false;
    return pipeline_collect(c, 0, NULL, &done) == DB_BROKEN ? DB_BROKEN : DB_DONE;
}

struct pgsql_params {
    const char *values[UINT8_MAX];
    int lengths[UINT8_MAX];
    int formats[UINT8_MAX];
    uint64_t numbers[UINT8_MAX];
};

static void params_encode(const struct db_call *call, struct pgsql_params *p)
{
    for (int i = 0; i < call->stmt->params_count; i++) {
        const struct db_value *v = &call->params[i];
        p->formats[i] = 1;
        p->values[i] = NULL;
        p->lengths[i] = 0;
        switch (v->type) {
        case DB_NULL:
            break;
        case DB_INT:
        case DB_REAL: {
            uint64_t bits = (uint64_t)v->i;
            if (v->type == DB_REAL)
                memcpy(&bits, &v->r, sizeof bits);
            p->numbers[i] = htobe64(bits);
            p->values[i] = (const char *)&p->numbers[i];
            p->lengths[i] = 8;
            break;
        }
        case DB_TEXT:
        case DB_BLOB:
            p->values[i] = v->s.ptr ? v->s.ptr : "";
            p->lengths[i] = (int)v->s.len;
            break;
        }
    }
}

static void types_encode(const struct db_stmt *s, Oid *types)
{
    static const Oid oids[] = { [DB_NULL] = 0,
                                [DB_INT] = OID_INT8,
                                [DB_REAL] = OID_FLOAT8,
                                [DB_TEXT] = OID_TEXT,
                                [DB_BLOB] = OID_BYTEA };
    for (int i = 0; i < s->params_count; i++)
        types[i] = oids[s->params[i]];
}

/* Sends the statement, prepared before or now. *ret_prepares: one more command is under way. */
static bool statement_send(struct pgsql_conn *c, const struct db_call *call, bool *ret_prepares)
{
    const struct db_stmt *s = call->stmt;
    struct pgsql_params p;
    Oid types[UINT8_MAX];
    char name[16];
    params_encode(call, &p);
    types_encode(s, types);
    *ret_prepares = false;
    if (s->number == DB_STMT_UNNUMBERED)
        return PQsendQueryParams(c->pg, s->pgsql, s->params_count, types, p.values, p.lengths,
                                 p.formats, 1);
    snprintf(name, sizeof name, "s%u", s->number);
    if (!is_prepared(c, s->number)) {
        *ret_prepares = true;
        if (!PQsendPrepare(c->pg, name, s->pgsql, s->params_count, types))
            return false;
    }
    return PQsendQueryPrepared(c->pg, name, s->params_count, p.values, p.lengths, p.formats, 1);
}

/* ---- rows ---- */

static uint64_t big_endian(const char *bytes, int len)
{
    uint64_t v = 0;
    for (int i = 0; i < len; i++)
        v = v << 8 | (uint8_t)bytes[i];
    return v;
}

static bool value_decode(Oid type, const char *bytes, int len, struct db_value *ret)
{
    switch (type) {
    case OID_BOOL:
    case OID_OID:
    case OID_INT8:
        *ret = (struct db_value){ .type = DB_INT, .i = (int64_t)big_endian(bytes, len) };
        return true;
    case OID_INT4:
        *ret = (struct db_value){ .type = DB_INT, .i = (int32_t)big_endian(bytes, len) };
        return true;
    case OID_INT2:
        *ret = (struct db_value){ .type = DB_INT, .i = (int16_t)big_endian(bytes, len) };
        return true;
    case OID_FLOAT4: {
        uint32_t bits = (uint32_t)big_endian(bytes, len);
        float f;
        memcpy(&f, &bits, sizeof f);
        *ret = (struct db_value){ .type = DB_REAL, .r = (double)f };
        return true;
    }
    case OID_FLOAT8: {
        uint64_t bits = big_endian(bytes, len);
        *ret = (struct db_value){ .type = DB_REAL };
        memcpy(&ret->r, &bits, sizeof bits);
        return true;
    }
    case OID_TEXT:
    case OID_NAME:
    case OID_JSON:
    case OID_BPCHAR:
    case OID_VARCHAR:
    case OID_UNKNOWN:
        *ret = (struct db_value){ .type = DB_TEXT, .s = { bytes, (size_t)len } };
        return true;
    case OID_BYTEA:
        *ret = (struct db_value){ .type = DB_BLOB, .s = { bytes, (size_t)len } };
        return true;
    default:
        return false;
    }
}

static bool column_decode(const PGresult *r, int row, int i, enum db_type declared,
                          struct db_value *ret)
{
    *ret = (struct db_value){ .type = DB_NULL };
    if (PQgetisnull(r, row, i))
        return true;
    if (!value_decode(PQftype(r, i), PQgetvalue(r, row, i), PQgetlength(r, row, i), ret))
        return false;
    if (ret->type == DB_INT && declared == DB_REAL)
        *ret = (struct db_value){ .type = DB_REAL, .r = (double)ret->i };
    return declared == DB_NULL || declared == ret->type;
}

static enum db_result rows_deliver(struct pgsql_conn *c, const PGresult *r, struct db_call *call)
{
    const struct db_stmt *s = call->stmt;
    struct db_value values[DB_COLUMNS_MAX];
    int count = PQnfields(r);
    if (count > DB_COLUMNS_MAX || (s->columns && count != s->columns_count)) {
        error_set(c, "columns are not as declared");
        return DB_FAULT;
    }
    for (int row = 0; call->row && row < PQntuples(r); row++) {
        for (int i = 0; i < count; i++) {
            enum db_type declared = s->columns ? s->columns[i] : DB_NULL;
            if (column_decode(r, row, i, declared, &values[i]))
                continue;
            snprintf(c->base.error, sizeof c->base.error,
                     "column %d has another type than declared (oid %u)", i + 1, PQftype(r, i));
            return DB_FAULT;
        }
        call->row_error = call->row(call->cx, values, call->arg);
        if (call->row_error != OK)
            return DB_STOPPED;
    }
    return DB_DONE;
}

/* ---- running ---- */

static bool starts_transaction(const struct pgsql_conn *c)
{
    return c->pending_count > 0 && c->pending[0] <= BEGIN_READ_COMMITTED;
}

static enum db_result run_once(struct pgsql_conn *c, struct db_call *call, PGresult **ret)
{
    bool prepares = false;
    int pending = c->pending_count, done = 0;
    if (!pending_send(c) || (call && !statement_send(c, call, &prepares)) || !PQpipelineSync(c->pg))
        return broken(c, PQerrorMessage(c->pg));
    int commands = pending + prepares + (call != NULL);
    enum db_result res = unread_drop(c);
    if (res == DB_DONE)
        res = pipeline_collect(c, commands, ret, &done);
    if (prepares && done > pending)
        c->prepared[call->stmt->number / 8] |= (uint8_t)(1U << call->stmt->number % 8);
    if (res != DB_BROKEN)
        c->pending_count = 0;
    return res;
}

/* Runs with one new connection when the old one has died before the transaction began. call NULL:
 * only what is pending. */
static enum db_result run_fresh(struct pgsql_conn *c, struct db_call *call, PGresult **ret)
{
    bool first = starts_transaction(c);
    enum db_result res = DB_BROKEN;
    if (!(first && c->stale))
        res = run_once(c, call, ret);
    if (res != DB_BROKEN || !first)
        return res;
    PQclear(*ret);
    *ret = NULL;
    res = connect_now(c, c->answer_ms < ANSWER_MS ? c->answer_ms : 5000, c->base.error,
                      sizeof c->base.error);
    return res == DB_DONE ? run_once(c, call, ret) : res;
}

static enum db_result pending_add(struct pgsql_conn *c, enum control which)
{
    if (c->pending_count == PENDING_MAX) {
        PGresult *r = NULL;
        enum db_result res = run_fresh(c, NULL, &r);
        PQclear(r);
        if (res != DB_DONE)
            return res;
    }
    c->pending[c->pending_count++] = which;
    return DB_DONE;
}

/* Rows one by one as they come, without a time limit: for whole tables. */
static enum db_result run_streamed(struct pgsql_conn *c, struct db_call *call)
{
    PGresult *none = NULL;
    enum db_result res = pending_add(c, NO_TIME_LIMIT);
    if (res == DB_DONE)
        res = run_fresh(c, NULL, &none);
    PQclear(none);
    if (res != DB_DONE)
        return res;
    struct pgsql_params p;
    Oid types[UINT8_MAX];
    params_encode(call, &p);
    types_encode(call->stmt, types);
    if (!PQexitPipelineMode(c->pg) ||
        !PQsendQueryParams(c->pg, call->stmt->pgsql, call->stmt->params_count, types, p.values,
                           p.lengths, p.formats, 1) ||
        !PQsetSingleRowMode(c->pg))
        return broken(c, PQerrorMessage(c->pg));
    for (;;) {
        enum db_result lost;
        PGresult *r = result_next(c, INT64_MAX, &lost);
        if (!r && lost == DB_DONE)
            break;
        if (lost != DB_DONE) {
            PQclear(r);
            return DB_BROKEN;
        }
        ExecStatusType status = PQresultStatus(r);
        bool rows = status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK;
        /* After a stop the rest is read and dropped. */
        if (res == DB_DONE)
            res = rows                         ? rows_deliver(c, r, call)
                  : status == PGRES_COMMAND_OK ? DB_DONE
                                               : result_failed(c, r);
        PQclear(r);
    }
    /* libpq 15 stays in single-row mode until the next query that is not pipelined. */
    PGresult *empty = PQexec(c->pg, "");
    bool ended = PQresultStatus(empty) == PGRES_EMPTY_QUERY && PQenterPipelineMode(c->pg);
    PQclear(empty);
    return ended ? res : broken(c, PQerrorMessage(c->pg));
}

static enum db_result pgsql_run(struct db_conn *b, struct db_call *call)
{
    struct pgsql_conn *c = self(b);
    PGresult *r = NULL;
    assert(call->stmt->number == DB_STMT_UNNUMBERED || call->stmt->number < db_statements_count);
    if (call->stmt->number == DB_STMT_UNNUMBERED && call->stmt->flags & DB_STMT_SCAN)
        return run_streamed(c, call);
    enum db_result res = run_fresh(c, call, &r);
    if (res == DB_DONE) {
        call->affected = strtoll(PQcmdTuples(r), NULL, 10);
        if (PQresultStatus(r) == PGRES_TUPLES_OK)
            res = rows_deliver(c, r, call);
    }
    PQclear(r);
    return res;
}

static enum db_result pgsql_exec(struct db_conn *b, const char *script)
{
    struct pgsql_conn *c = self(b);
    PGresult *r = NULL;
    enum db_result res = pending_add(c, NO_TIME_LIMIT);
    if (res == DB_DONE)
        res = run_fresh(c, NULL, &r);
    PQclear(r);
    if (res != DB_DONE)
        return res;
    if (!PQexitPipelineMode(c->pg))
        return broken(c, PQerrorMessage(c->pg));
    r = PQexec(c->pg, script); /* a migration takes the time it takes */
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
        res = result_failed(c, r);
    PQclear(r);
    if (res != DB_BROKEN && !PQenterPipelineMode(c->pg))
        return broken(c, PQerrorMessage(c->pg));
    return res;
}

/* ---- transactions ---- */

static enum db_result pgsql_begin(struct db_conn *b, enum db_mode mode)
{
    struct pgsql_conn *c = self(b);
    static const enum control begins[] = { [DB_MODE_READ] = BEGIN_READ,
                                           [DB_MODE_WRITE] = BEGIN_WRITE,
                                           [DB_MODE_WRITE_READ_COMMITTED] = BEGIN_READ_COMMITTED };
    assert(!c->in_transaction && c->pending_count == 0);
    c->in_transaction = true;
    c->reads = mode == DB_MODE_READ;
    return pending_add(c, begins[mode]);
}

/* Sends the end of a transaction whose answer nobody waits for. */
static enum db_result end_send(struct pgsql_conn *c, enum control which)
{
    c->in_transaction = false;
    if (starts_transaction(c)) { /* the server has not heard of it */
        c->pending_count = 0;
        return DB_DONE;
    }
    c->pending_count = 0;
    if (!control_send(c, which) || !PQpipelineSync(c->pg))
        return broken(c, PQerrorMessage(c->pg));
    c->unread = true;
    return DB_DONE;
}

static enum db_result pgsql_rollback(struct db_conn *b)
{
    return self(b)->in_transaction ? end_send(self(b), ROLLBACK) : DB_DONE;
}

static enum db_result commit_write(struct pgsql_conn *c)
{
    PGresult *r = NULL;
    int commands = c->pending_count + 1, done = 0;
    if (!pending_send(c) || !control_send(c, COMMIT) || !PQpipelineSync(c->pg))
        return broken(c, PQerrorMessage(c->pg));
    c->pending_count = 0;
    enum db_result res = pipeline_collect(c, commands, &r, &done);
    /* COMMIT of a failed transaction succeeds, as ROLLBACK. */
    if (res == DB_DONE && (!r || strcmp(PQcmdStatus(r), "COMMIT") != 0)) {
        error_set(c, "COMMIT has rolled back");
        res = DB_FAULT;
    }
    PQclear(r);
    /* A failed command before COMMIT leaves the transaction open; a failed COMMIT does not. */
    c->in_transaction = res != DB_BROKEN && PQtransactionStatus(c->pg) != PQTRANS_IDLE;
    return res;
}

static enum db_result pgsql_commit(struct db_conn *b)
{
    struct pgsql_conn *c = self(b);
    assert(c->in_transaction);
    if (starts_transaction(c))
        return end_send(c, ROLLBACK);
    return c->reads ? end_send(c, COMMIT) : commit_write(c);
}

static enum db_result pgsql_savepoint(struct db_conn *b)
{
    return pending_add(self(b), SAVEPOINT);
}

static enum db_result pgsql_release(struct db_conn *b)
{
    return pending_add(self(b), RELEASE);
}

static enum db_result pgsql_rollback_to(struct db_conn *b)
{
    enum db_result res = pending_add(self(b), ROLLBACK_TO);
    return res == DB_DONE ? pending_add(self(b), RELEASE) : res;
}

static bool pgsql_in_transaction(struct db_conn *b)
{
    struct pgsql_conn *c = self(b);
    return c->in_transaction && PQstatus(c->pg) == CONNECTION_OK;
}

static bool pgsql_alive(struct db_conn *b, int64_t timeout_ms)
{
    struct pgsql_conn *c = self(b);
    int done = 0;
    c->answer_ms = timeout_ms;
    bool ok = unread_drop(c) == DB_DONE &&
              PQsendQueryParams(c->pg, "", 0, NULL, NULL, NULL, NULL, 1) && PQpipelineSync(c->pg) &&
              pipeline_collect(c, 1, NULL, &done) == DB_DONE;
    c->answer_ms = ANSWER_MS;
    return ok;
}

const struct db_driver db_driver_pgsql = {
    .engine = DB_PGSQL,
    .batch_max = 1,
    .reads_inline = false,
    .open = pgsql_open,
    .close = pgsql_close,
    .begin = pgsql_begin,
    .commit = pgsql_commit,
    .rollback = pgsql_rollback,
    .savepoint = pgsql_savepoint,
    .release = pgsql_release,
    .rollback_to = pgsql_rollback_to,
    .run = pgsql_run,
    .exec = pgsql_exec,
    .in_transaction = pgsql_in_transaction,
    .alive = pgsql_alive,
};
