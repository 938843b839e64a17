/* Goal: the same request sent again with the same key gets the same answer and changes nothing,
 * also when the first answer was lost with the connection in the middle of COMMIT. Invariants: only
 * successes are kept (a refusal changed nothing and may be tried again); the row is written in the
 * deed's transaction, so that either both are there or neither. */
#include "op/idempotency.h"

#include "base/crypto.h"
#include "op/op_sql.h"

static struct str principal_key(struct cx *cx)
{
    const struct principal *p = &cx->principal;
    struct str id = str_given(p->key_id) ? p->key_id : p->user_id;
    return str_fmt(cx->arena, "%s:%.*s", principal_kind_name(p->kind), STR_ARG(id));
}

static void hash_part(struct sha256_ctx *h, struct str s)
{
    uint64_t len = s.len;
    sha256_add(h, (struct str){ (const char *)&len, sizeof len });
    sha256_add(h, s);
}

enum err idempotency_prepare(struct call *c)
{
    struct str key = request_header(&c->rq, "idempotency-key");
    if (!str_given(key) || c->rq.method == METHOD_GET || c->rq.method == METHOD_HEAD)
        return OK;
    bool visible = key.len >= 1 && key.len <= 64;
    for (size_t i = 0; visible && i < key.len; i++)
        visible = key.ptr[i] > 0x20 && key.ptr[i] < 0x7f;
    if (!visible) {
        cx_field_error(&c->cx, STR("Idempotency-Key"), "must be 1 to 64 visible characters");
        return cx_invalid(&c->cx);
    }
    struct sha256_ctx *h = sha256_new();
    hash_part(h, str_of(c->op->name));
    hash_part(h, c->cx.principal.workspace_id);
    hash_part(h, c->rq.path);
    hash_part(h, c->rq.query);
    hash_part(h, c->rq.body);
    sha256_final(h, c->idempotency_hash);
    sha256_free(h);
    c->idempotency_key = key;
    return OK;
}

enum err idempotency_replay(struct call *c, bool *ret_found)
{
    struct cx *cx = &c->cx;
    struct idempotency_find_in in = { .principal = principal_key(cx), .key = c->idempotency_key };
    struct idempotency_find_row row;
    bool found;
    TRY(idempotency_find(cx, &in, &row, &found));
    if (found && (row.body_hash.len != SHA256_BYTES ||
                  memcmp(row.body_hash.ptr, c->idempotency_hash, SHA256_BYTES) != 0))
        FAIL(cx, IDEMPOTENCY_MISMATCH,
             "This Idempotency-Key was used before with another request; take a new one.");
    if (found && c->op->flags & OP_ANSWER_ONCE)
        FAIL(cx, CONFLICT,
             "This was done with that Idempotency-Key already; its answer is shown only once.");
    if (found) {
        c->reply.kind = REPLY_BYTES;
        c->reply.status = (int)row.status;
        c->reply.body = row.answer;
        if (str_given(row.location))
            reply_header(&c->reply, "location", row.location);
        reply_header(&c->reply, "idempotency-replayed", STR("true"));
    }
    *ret_found = found;
    return OK;
}

static struct str reply_location(const struct reply *r)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (str_is(r->headers[i].name, "location"))
            return r->headers[i].value;
    return STR_NULL;
}

enum err idempotency_keep(struct call *c)
{
    struct idempotency_add_in in = {
        .principal = principal_key(&c->cx),
        .key = c->idempotency_key,
        .operation = str_of(c->op->name),
        .body_hash = { (const char *)c->idempotency_hash, SHA256_BYTES },
        .status = c->reply.status,
        .location = reply_location(&c->reply),
        .answer = c->op->flags & OP_ANSWER_ONCE ? STR("{}") : c->reply.body,
        .created_at = c->cx.now_ms,
    };
    return idempotency_add(&c->cx, &in, NULL);
}
