/* Runs one operation's function inside the current transaction, between its field tables: JSON
 * arguments in, JSON answer out, which must fit the declared one. Without gate and faces. */
#ifndef TESTS_UNIT_OP_CALL_H
#define TESTS_UNIT_OP_CALL_H

#include "base/json.h"
#include "op/op.h"
#include "unit/rooms.h"

struct op_call {
    const struct op *op;
    const char *arguments;
    struct json answer;
};

static inline const struct op *op_find(const struct op *ops, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(ops[i].name, name) == 0)
            return &ops[i];
    fail_msg("no operation %s", name);
    return NULL;
}

/* A db_fn over struct op_call. */
static inline enum err op_call_run(struct cx *cx, void *arg)
{
    struct op_call *c = arg;
    struct json body;
    struct json_fault fault;
    struct json_writer w;
    struct buf out;
    struct str difference;
    void *in = arena_alloc(cx->arena, c->op->in_size), *o = arena_alloc(cx->arena, c->op->out_size);
    struct field_source src = { .body = &body, .body_is_everything = true };
    assert_int_equal(json_parse(cx->arena, str_of(c->arguments), NULL, &body, &fault), OK);
    cx_clear_failure(cx);
    TRY(field_decode(cx, c->op->in, &src, in));
    TRY(c->op->run(cx, in, o));
    buf_init(&out, cx->arena, 16 * 1024 * 1024);
    jw_init(&w, &out);
    field_encode(&w, c->op->out, o);
    assert_int_equal(json_parse(cx->arena, buf_str(&out), NULL, &c->answer, &fault), OK);
    if (!field_answer_fits(c->op->out, &c->answer, cx->arena, &difference))
        fail_msg("%.*s", STR_ARG(difference));
    return OK;
}

static inline enum err op_call(struct rooms *r, struct op_call *c)
{
    return c->op->tx == TX_WRITE ? db_write(&r->cx, op_call_run, c)
                                 : db_read(&r->cx, op_call_run, c);
}

#endif
