/* See seal_first.h. One value of the installation: {"generation":…,"number":…,"hash":…,"mac":…}. */
#include "audit/seal_first.h"

#include "audit/audit_sql.h"
#include "audit/seal_core.h"

static bool value_read(struct cx *cx, struct str value, struct seal_first *ret,
                       uint8_t mac[SEAL_MAC_BYTES])
{
    static const struct json_limits limits = { .depth_max = 1, .nodes_max = 8 };
    struct json j;
    struct json_fault fault;
    return json_parse(cx->arena, value, &limits, &j, &fault) == OK && j.type == JSON_OBJECT &&
           member_get_i64(&j, "generation", 1, &ret->generation) &&
           member_get_i64(&j, "number", 1, &ret->number) &&
           member_get_hex(&j, "hash", ret->hash, sizeof ret->hash) &&
           member_get_hex(&j, "mac", mac, SEAL_MAC_BYTES);
}

enum err seal_first_load(struct cx *cx, struct seal_first *ret)
{
    struct seal_first_get_row row;
    uint8_t mac[SEAL_MAC_BYTES], expected[SEAL_MAC_BYTES];
    struct str root = seal_root_key(cx);
    bool found;
    *ret = (struct seal_first){ 0 };
    TRY(seal_first_get(cx, &row, &found));
    if (!found)
        return OK;
    ret->stored = row.value;
    ret->forged = !value_read(cx, row.value, ret, mac);
    if (ret->forged) {
        *ret = (struct seal_first){ .forged = true, .stored = row.value };
    } else if (str_given(root)) {
        seal_first_mac(root, ret->generation, ret->number, ret->hash, expected);
        ret->forged = !bytes_equal(mac, expected, sizeof mac);
    }
    return OK;
}

enum err seal_first_move(struct cx *cx, const struct seal_first *from, int64_t generation,
                         int64_t number, const uint8_t hash[SEAL_HASH_BYTES])
{
    uint8_t mac[SEAL_MAC_BYTES];
    struct buf b;
    struct json_writer w;
    int64_t affected = 0;
    seal_first_mac(seal_root_key(cx), generation, number, hash, mac);
    buf_init(&b, cx->arena, 512);
    jw_init(&w, &b);
    jw_object(&w);
    jw_key_lit(&w, "generation");
    jw_i64(&w, generation);
    jw_key_lit(&w, "number");
    jw_i64(&w, number);
    member_put_hex(&w, "hash", hash, SEAL_HASH_BYTES);
    member_put_hex(&w, "mac", mac, sizeof mac);
    jw_object_end(&w);
    struct seal_first_set_in in = { .value = buf_str(&b), .old = from->stored, .now = cx->now_ms };
    TRY(seal_first_set(cx, &in, &affected));
    if (affected != 1)
        FAIL(cx, CONFLICT, "The beginning of the checkpoints was moved by somebody else.");
    return OK;
}

enum err seal_first_adopt(struct cx *cx)
{
    struct seal_first f;
    TRY(seal_first_load(cx, &f));
    return f.number ? seal_first_move(cx, &f, f.generation, f.number, f.hash) : OK;
}

bool seal_first_passed(const struct seal_first *f, int64_t generation, int64_t number)
{
    return generation < f->generation || (generation == f->generation && number < f->number);
}

bool seal_first_is(const struct seal_first *f, const struct checkpoint *c,
                   const uint8_t hash[SEAL_HASH_BYTES])
{
    return f->generation == c->generation && f->number == c->number &&
           memcmp(f->hash, hash, sizeof f->hash) == 0;
}
