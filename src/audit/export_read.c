/* Reading a line of an exported log. What no hash covers is refused: an unknown member cannot be
 * taken for a part of what was sealed. */
#include "audit/export.h"

#include "base/json.h"

const char *const export_names[SEAL_TEXTS] = {
    "id",        "workspaceId", "action",     "type",       "severity",   "outcome",
    "actorKind", "actorId",     "actorName",  "onBehalfOf", "entityType", "entityId",
    "message",   "metadata",    "remoteAddr", "requestId"
};

static bool get_hash(const struct json *j, const char *key, uint8_t out[SEAL_HASH_BYTES])
{
    struct str s = json_text(j, key);
    return s.len == 2 * SEAL_HASH_BYTES && hex_decode(s, out);
}

static bool get_i64(const struct json *j, const char *key, int64_t *ret)
{
    const struct json *v = json_get(j, key);
    return v && json_to_i64(v, ret);
}

static bool row_read(const struct json *j, struct export_line *ret)
{
    struct seal_entry *e = &ret->entry;
    uint32_t texts = 0;
    ret->kind = EXPORT_ROW;
    for (size_t i = 0; i < SEAL_TEXTS; i++) {
        e->texts[i] = json_text(j, export_names[i]);
        texts += str_given(e->texts[i]);
    }
    /* Five members that are no texts: nothing stands there that no hash covers. */
    return j->type == JSON_OBJECT && j->count == texts + 5 && get_i64(j, "seq", &e->seq) &&
           get_i64(j, "epoch", &e->epoch) && get_i64(j, "createdAt", &e->created_at) &&
           get_i64(j, "count", &e->count) && get_hash(j, "hash", ret->hash);
}

static bool chain_read(const struct json *j, struct export_line *ret)
{
    ret->kind = EXPORT_CHAIN;
    ret->workspace_id = json_text(j, "workspaceId");
    return j->type == JSON_OBJECT && j->count == 3 && str_given(ret->workspace_id) &&
           get_i64(j, "baseSeq", &ret->base_seq) && ret->base_seq >= 0 &&
           get_hash(j, "baseHash", ret->base_hash);
}

bool export_read(struct arena *a, struct str line, struct export_line *ret, const char **ret_why)
{
    static const struct json_limits limits = { .depth_max = 5, .nodes_max = 8192 };
    struct json j;
    struct json_fault fault;
    *ret = (struct export_line){ 0 };
    *ret_why = "it is too long";
    if (line.len > EXPORT_LINE_BYTES_MAX)
        return false;
    if (str_starts(line, STR("{\"checkpoint\":"))) {
        ret->kind = EXPORT_CHECKPOINT;
        return checkpoint_read(a, line, &ret->checkpoint, ret_why);
    }
    *ret_why = "it is not JSON";
    if (json_parse(a, line, &limits, &j, &fault) != OK)
        return false;
    *ret_why = "a field is missing, unknown, or has a wrong form";
    if (j.type != JSON_OBJECT || j.count != 1)
        return false;
    if (json_get(&j, "chain"))
        return chain_read(json_get(&j, "chain"), ret);
    return json_get(&j, "row") && row_read(json_get(&j, "row"), ret);
}
