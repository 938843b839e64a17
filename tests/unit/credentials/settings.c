/* See settings.h. */
#include "settings.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "db/archive_format.h"
#include "db/driver.h"
#include "unit/rooms_sql.h"

static struct str last_answer;

static const struct op *find(const char *name)
{
    for (size_t i = 0; i < credential_ops_count; i++)
        if (strcmp(credential_ops[i].name, name) == 0)
            return &credential_ops[i];
    for (size_t i = 0; i < provider_ops_count; i++)
        if (strcmp(provider_ops[i].name, name) == 0)
            return &provider_ops[i];
    fail_msg("no operation %s", name);
    return NULL;
}

struct deed {
    const struct op *op;
    const char *arguments;
    struct json *ret;
};

static enum err run(struct cx *cx, void *arg)
{
    struct deed *d = arg;
    struct json body;
    struct json_fault fault;
    struct json_writer w;
    struct buf out;
    struct str difference;
    void *in = arena_alloc(cx->arena, d->op->in_size + 1),
         *o = arena_alloc(cx->arena, d->op->out_size + 1);
    struct field_source src = { .body = &body, .body_is_everything = true };
    struct str text = str_copy(cx->arena, str_of(d->arguments)); /* its secrets are wiped */
    assert_int_equal(json_parse(cx->arena, text, NULL, &body, &fault), OK);
    cx_clear_failure(cx);
    TRY(field_decode(cx, d->op->in, &src, in));
    TRY(d->op->run(cx, in, o));
    if (!d->op->out)
        return OK;
    buf_init(&out, cx->arena, 1024 * 1024);
    jw_init(&w, &out);
    field_encode(&w, d->op->out, o);
    last_answer = buf_str(&out);
    struct json answer;
    assert_int_equal(json_parse(cx->arena, last_answer, NULL, &answer, &fault), OK);
    if (!field_answer_fits(d->op->out, &answer, cx->arena, &difference))
        fail_msg("%.*s", STR_ARG(difference));
    if (d->ret)
        *d->ret = answer;
    return OK;
}

enum err settings_call(struct rooms *r, const char *operation, const char *arguments,
                       struct json *ret)
{
    struct deed d = { find(operation), arguments, ret };
    struct principal as = r->cx.principal;
    enum err e = d.op->tx == TX_READ ? db_read(&r->cx, run, &d) : run(&r->cx, &d);
    r->cx.principal = as;
    return e;
}

struct str settings_answer(void)
{
    return last_answer;
}

struct str settings_at(const struct json *answer, const char *path)
{
    struct str rest = str_of(path);
    while (answer && str_given(rest)) {
        struct str name = str_split(&rest, '.');
        int64_t i;
        if (answer->type == JSON_ARRAY && str_to_i64(name, &i))
            answer = i < answer->count ? &answer->items[i] : NULL;
        else
            answer = json_get_str(answer, name);
    }
    if (!answer)
        return STR("absent");
    switch (answer->type) {
    case JSON_NULL:
        return STR("null");
    case JSON_BOOL:
        return answer->boolean ? STR("true") : STR("false");
    default:
        return answer->text;
    }
}

/* ---- audit ---- */

struct audit_rows {
    struct rooms_audit_all_row *rows;
    size_t count;
};
static enum err audit_in_tx(struct cx *cx, void *arg)
{
    struct audit_rows *a = arg;
    return rooms_audit_all(cx, &a->rows, &a->count);
}

struct str settings_audit(struct rooms *r)
{
    struct audit_rows a = { 0 };
    struct buf b;
    assert_ok(&r->cx, db_read(&r->cx, audit_in_tx, &a));
    buf_init(&b, r->arena, 4 * 1024 * 1024);
    for (size_t i = 0; i < a.count; i++)
        buf_printf(&b, "%.*s|%.*s|%.*s|%.*s\n", STR_ARG(a.rows[i].action), STR_ARG(a.rows[i].type),
                   STR_ARG(a.rows[i].entity_id), STR_ARG(a.rows[i].message));
    return buf_str(&b);
}

size_t settings_events(struct rooms *r, const char *type)
{
    struct audit_rows a = { 0 };
    size_t n = 0;
    assert_ok(&r->cx, db_read(&r->cx, audit_in_tx, &a));
    for (size_t i = 0; i < a.count; i++)
        n += str_is(a.rows[i].type, type);
    return n;
}

/* ---- the database ---- */

static enum err sql_in_tx(struct cx *cx, void *text)
{
    return db_exec(cx, str_of(text));
}

void settings_sql(struct rooms *r, const char *sql)
{
    assert_ok(&r->cx, db_write(&r->cx, sql_in_tx, (void *)(uintptr_t)sql));
}

struct columns {
    struct buf *out;
    size_t count;
};
static enum err keep_table(struct cx *cx, const struct archive_table *t, void *arg)
{
    struct columns *c = arg;
    (void)cx;
    c->count = t->columns_count;
    return OK;
}
static enum err keep_values(struct cx *cx, const struct db_value *values, void *arg)
{
    struct columns *c = arg;
    (void)cx;
    for (size_t i = 0; i < c->count; i++)
        if (values[i].type == DB_TEXT || values[i].type == DB_BLOB)
            buf_put_str(c->out, values[i].s);
    return OK;
}

struct str settings_backup(struct rooms *r)
{
    char path[128];
    struct db_archive_counts counts;
    struct buf b;
    struct columns c = { .out = &b };
    struct archive_sink sink = { keep_table, keep_values, &c };
    snprintf(path, sizeof path, "%s/backup", r->folder);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    buf_init(&b, r->arena, 16 * 1024 * 1024);
    assert_ok(&r->cx, db_archive_write(&r->cx, fd, NULL, NULL, &counts));
    assert_ok(&r->cx, archive_scan(&r->cx, fd, &sink, &counts));
    close(fd);
    assert_false(b.overflow);
    return buf_str(&b);
}
