/* What generated bindings (tools/sqlgen.py) are made of: values in, rows out. Nobody else needs it,
 * but for the optional types. */
#ifndef DB_BIND_H
#define DB_BIND_H

#include <assert.h>

#include "db/db.h"

/* A nullable number. */
struct db_opt_int {
    bool given;
    int64_t value;
};
struct db_opt_real {
    bool given;
    double value;
};
static inline struct db_opt_int db_some_int(int64_t v)
{
    return (struct db_opt_int){ true, v };
}

static inline struct db_value db_bind_text_opt(struct str s)
{
    return (struct db_value){ .type = s.ptr ? DB_TEXT : DB_NULL, .s = s };
}
static inline struct db_value db_bind_text(struct str s)
{
    assert(s.ptr);
    return db_bind_text_opt(s);
}
static inline struct db_value db_bind_blob_opt(struct str s)
{
    return (struct db_value){ .type = s.ptr ? DB_BLOB : DB_NULL, .s = s };
}
static inline struct db_value db_bind_blob(struct str s)
{
    assert(s.ptr);
    return db_bind_blob_opt(s);
}
static inline struct db_value db_bind_int(int64_t v)
{
    return (struct db_value){ .type = DB_INT, .i = v };
}
static inline struct db_value db_bind_bool(bool v)
{
    return db_bind_int(v ? 1 : 0);
}
static inline struct db_value db_bind_real(double v)
{
    return (struct db_value){ .type = DB_REAL, .r = v };
}
static inline struct db_value db_bind_int_opt(struct db_opt_int v)
{
    return (struct db_value){ .type = v.given ? DB_INT : DB_NULL, .i = v.value };
}
static inline struct db_value db_bind_bool_opt(struct db_opt_int v)
{
    return db_bind_int_opt(v);
}
static inline struct db_value db_bind_real_opt(struct db_opt_real v)
{
    return (struct db_value){ .type = v.given ? DB_REAL : DB_NULL, .r = v.value };
}
static inline struct db_opt_int db_read_int_opt(const struct db_value *v)
{
    return (struct db_opt_int){ v->type != DB_NULL, v->i };
}
static inline struct db_opt_real db_read_real_opt(const struct db_value *v)
{
    return (struct db_opt_real){ v->type != DB_NULL, v->r };
}

/* Text of a row that is kept: in the call's arena, never absent. */
struct str db_copy(struct cx *cx, struct str s);

/* Rows of a `many`: an array that grows in the arena. A statement that can give more says LIMIT, or
 * is an `each`. */
#define DB_ROWS_MAX 10000
struct db_rows {
    size_t row_size;
    void *rows;
    size_t count;
    size_t room;
};
/* Zeroed room for one more, or NULL at DB_ROWS_MAX. */
void *db_rows_next(struct cx *cx, struct db_rows *rows);

#endif
