/* See checkpoint.h. Reading is strict by writing: what was read is written again, and must be the
 * same bytes. So nothing can stand in a line that its reader did not see. */
#include "audit/checkpoint.h"

#include <assert.h>

#define PREFIX STR("opboxd checkpoint\n")
#define TAG_PREFIX "opboxd chain\n"
#define HEAD_PREFIX "opboxd head\n"
#define HEADS_PREFIX "opboxd heads\n"

void member_put_hex(struct json_writer *w, const char *key, const uint8_t *bytes, size_t len)
{
    char hex[2 * ED25519_SIGNATURE_BYTES];
    assert(2 * len <= sizeof hex);
    hex_encode(bytes, len, hex);
    jw_key(w, str_of(key));
    jw_str(w, (struct str){ hex, 2 * len });
}

static void put_i64(struct json_writer *w, struct str key, int64_t v)
{
    jw_key(w, key);
    jw_i64(w, v);
}

static void put_head(struct json_writer *w, const struct checkpoint_head *h)
{
    jw_object(w);
    jw_key_lit(w, "workspaceId");
    jw_str(w, h->workspace_id);
    put_i64(w, STR("seq"), h->seq);
    member_put_hex(w, "hash", h->hash, sizeof h->hash);
    if (h->broken) {
        jw_key_lit(w, "broken");
        jw_bool(w, true);
    }
    jw_object_end(w);
}

static void tag_of(const struct checkpoint *c, struct str workspace_id,
                   uint8_t out[SEAL_HASH_BYTES])
{
    char bytes[sizeof TAG_PREFIX - 1 + SEAL_HASH_BYTES + CHECKPOINT_ID_BYTES_MAX];
    size_t len = sizeof TAG_PREFIX - 1;
    assert(workspace_id.len <= CHECKPOINT_ID_BYTES_MAX);
    memcpy(bytes, TAG_PREFIX, len);
    memcpy(bytes + len, c->before, SEAL_HASH_BYTES);
    len += SEAL_HASH_BYTES;
    if (workspace_id.len)
        memcpy(bytes + len, workspace_id.ptr, workspace_id.len);
    sha256((struct str){ bytes, len + workspace_id.len }, out);
}

/* What stands for an element when it is hidden. */
static void head_blind(struct arena *a, const struct checkpoint *c, struct checkpoint_head *h)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, a, 1024);
    buf_put_cstr(&b, HEAD_PREFIX);
    jw_init(&w, &b);
    put_head(&w, h);
    sha256(buf_str(&b), h->head);
    tag_of(c, h->workspace_id, h->tag);
}

static void heads_of(struct arena *a, const struct checkpoint *c, uint8_t out[SEAL_HASH_BYTES])
{
    struct buf b;
    buf_init(&b, a, CHECKPOINT_LINE_BYTES_MAX);
    buf_put_cstr(&b, HEADS_PREFIX);
    for (size_t i = 0; i < c->heads_count; i++) {
        struct checkpoint_head h = c->heads[i];
        if (!h.hidden)
            head_blind(a, c, &h);
        buf_put(&b, (const char *)h.tag, sizeof h.tag);
        buf_put(&b, (const char *)h.head, sizeof h.head);
    }
    sha256(buf_str(&b), out);
}

static void put_chains(struct json_writer *w, const struct checkpoint *c)
{
    jw_key_lit(w, "chains");
    jw_array(w);
    for (size_t i = 0; i < c->heads_count; i++) {
        const struct checkpoint_head *h = &c->heads[i];
        char hex[4 * SEAL_HASH_BYTES];
        if (!h->hidden) {
            put_head(w, h);
            continue;
        }
        hex_encode(h->tag, sizeof h->tag, hex);
        hex_encode(h->head, sizeof h->head, hex + 2 * SEAL_HASH_BYTES);
        jw_str(w, (struct str){ hex, sizeof hex });
    }
    jw_array_end(w);
}

static struct str body_write(struct arena *a, const struct checkpoint *c)
{
    uint8_t heads[SEAL_HASH_BYTES];
    struct buf b;
    struct json_writer w;
    heads_of(a, c, heads);
    buf_init(&b, a, CHECKPOINT_LINE_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w);
    put_i64(&w, STR("v"), 1);
    put_i64(&w, STR("generation"), c->generation);
    put_i64(&w, STR("number"), c->number);
    put_i64(&w, STR("at"), c->at_ms);
    member_put_hex(&w, "before", c->before, sizeof c->before);
    member_put_hex(&w, "key", c->key, sizeof c->key);
    member_put_hex(&w, "next", c->next, sizeof c->next);
    if (c->number == 1) {
        jw_key_lit(&w, "reason");
        jw_str(&w, str_given(c->reason) ? c->reason : STR(""));
        put_i64(&w, STR("after"), c->after);
        member_put_hex(&w, "anchor", c->anchor, sizeof c->anchor);
    }
    member_put_hex(&w, "heads", heads, sizeof heads);
    jw_object_end(&w);
    return buf_str(&b);
}

/* Of a checkpoint with its body and signature. */
static struct str line_write(struct arena *a, const struct checkpoint *c)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, a, CHECKPOINT_LINE_BYTES_MAX + 512);
    jw_init(&w, &b);
    jw_object(&w);
    jw_key_lit(&w, "checkpoint");
    jw_raw(&w, c->body);
    member_put_hex(&w, "signature", c->signature, sizeof c->signature);
    put_chains(&w, c);
    jw_object_end(&w);
    return buf_str(&b);
}

static struct str signed_bytes(struct arena *a, struct str body)
{
    char *p = arena_alloc_raw(a, PREFIX.len + body.len + 1);
    memcpy(p, PREFIX.ptr, PREFIX.len);
    memcpy(p + PREFIX.len, body.ptr, body.len);
    return (struct str){ p, PREFIX.len + body.len };
}

struct str checkpoint_write(struct arena *a, const struct checkpoint *c,
                            const uint8_t seed[ED25519_SEED_BYTES])
{
    struct checkpoint made = *c;
    made.body = body_write(a, c);
    ed25519_sign(seed, signed_bytes(a, made.body), made.signature);
    return line_write(a, &made);
}

bool checkpoint_signed(struct arena *a, const struct checkpoint *c)
{
    return ed25519_verify(c->key, signed_bytes(a, c->body), c->signature);
}

void checkpoint_hash(struct str line, uint8_t out[SEAL_HASH_BYTES])
{
    static const struct str between = { "},\"signature\":\"", 15 };
    /* A quote inside of a text is escaped: the first is the one. */
    size_t at = str_find(line, between);
    size_t end = at + between.len + (size_t)2 * ED25519_SIGNATURE_BYTES + 1;
    assert(at != SIZE_MAX && end <= line.len);
    sha256(str_sub(line, 0, end), out);
}

bool checkpoint_hides(const struct checkpoint *c, const struct checkpoint_head *h,
                      struct str workspace_id)
{
    uint8_t tag[SEAL_HASH_BYTES];
    tag_of(c, workspace_id, tag);
    return h->hidden && memcmp(tag, h->tag, sizeof tag) == 0;
}

/* ---- reading ---- */

bool member_get_hex(const struct json *j, const char *key, uint8_t *out, size_t len)
{
    struct str s = json_text(j, key);
    return s.len == 2 * len && hex_decode(s, out);
}

bool member_get_i64(const struct json *j, const char *key, int64_t least, int64_t *ret)
{
    const struct json *v = json_get(j, key);
    return v && json_to_i64(v, ret) && *ret >= least;
}

static bool head_read(const struct json *j, struct checkpoint_head *ret)
{
    ret->hidden = j->type == JSON_STRING;
    if (ret->hidden)
        return j->text.len == 4 * SEAL_HASH_BYTES &&
               hex_decode(str_sub(j->text, 0, 2 * SEAL_HASH_BYTES), ret->tag) &&
               hex_decode(str_sub(j->text, 2 * SEAL_HASH_BYTES, j->text.len), ret->head);
    const struct json *broken = json_get(j, "broken");
    ret->workspace_id = json_text(j, "workspaceId");
    ret->broken = broken && broken->type == JSON_BOOL && broken->boolean;
    return str_given(ret->workspace_id) && ret->workspace_id.len <= CHECKPOINT_ID_BYTES_MAX &&
           member_get_i64(j, "seq", 1, &ret->seq) &&
           member_get_hex(j, "hash", ret->hash, sizeof ret->hash);
}

static bool heads_read(struct arena *a, const struct json *chains, struct checkpoint *ret)
{
    if (!chains || chains->type != JSON_ARRAY || chains->count > CHECKPOINT_HEADS_MAX)
        return false;
    ret->heads = arena_array(a, chains->count, sizeof *ret->heads);
    ret->heads_count = chains->count;
    for (uint32_t i = 0; i < chains->count; i++)
        if (!head_read(&chains->items[i], &ret->heads[i]))
            return false;
    return true;
}

static bool body_read(const struct json *j, struct checkpoint *ret)
{
    int64_t v;
    if (!member_get_i64(j, "v", 1, &v) || v != 1 ||
        !member_get_i64(j, "generation", 1, &ret->generation) ||
        !member_get_i64(j, "number", 1, &ret->number) ||
        !member_get_i64(j, "at", INT64_MIN, &ret->at_ms) ||
        !member_get_hex(j, "before", ret->before, sizeof ret->before) ||
        !member_get_hex(j, "key", ret->key, sizeof ret->key) ||
        !member_get_hex(j, "next", ret->next, sizeof ret->next))
        return false;
    if (ret->number == 1) {
        ret->reason = json_text(j, "reason");
        if (!str_given(ret->reason) || ret->reason.len > CHECKPOINT_REASON_BYTES_MAX ||
            !member_get_i64(j, "after", 0, &ret->after) ||
            !member_get_hex(j, "anchor", ret->anchor, sizeof ret->anchor))
            return false;
    }
    return true;
}

bool checkpoint_read(struct arena *a, struct str line, struct checkpoint *ret, const char **ret_why)
{
    static const struct json_limits limits = { .depth_max = 5, .nodes_max = 8192 };
    struct json j;
    struct json_fault fault;
    *ret = (struct checkpoint){ 0 };
    *ret_why = "it is too long";
    if (line.len > CHECKPOINT_LINE_BYTES_MAX)
        return false;
    *ret_why = "it is not JSON";
    if (json_parse(a, line, &limits, &j, &fault) != OK)
        return false;
    *ret_why = "a field is missing or has a wrong form";
    const struct json *body = json_get(&j, "checkpoint");
    if (!body || body->type != JSON_OBJECT || !body_read(body, ret) ||
        !member_get_hex(&j, "signature", ret->signature, sizeof ret->signature) ||
        !heads_read(a, json_get(&j, "chains"), ret))
        return false;
    *ret_why = "it is not written as its content is";
    ret->body = body_write(a, ret);
    return str_eq(line_write(a, ret), line);
}

bool checkpoint_hide(struct arena *a, struct str line, struct str workspace_id, struct str *ret,
                     const char **ret_why)
{
    struct checkpoint c;
    if (!checkpoint_read(a, line, &c, ret_why))
        return false;
    for (size_t i = 0; i < c.heads_count; i++) {
        struct checkpoint_head *h = &c.heads[i];
        if (h->hidden || str_eq(h->workspace_id, workspace_id))
            continue;
        head_blind(a, &c, h);
        h->hidden = true;
    }
    *ret = line_write(a, &c);
    return true;
}
