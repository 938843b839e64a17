/* See models.h.
 *
 * The list is a foreign server's text: at most 500 entries, ids and names bounded and on one line,
 * cut where it is too long rather than refused. */
#include "credentials/models.h"

#include <stdlib.h>

#include "base/app.h"
#include "base/clock.h"
#include "base/json.h"
#include "credentials/state.h"
#include "credentials/store.h"

enum { ID_BYTES_MAX = 200, NAME_BYTES_MAX = 200 };

/* ---- from the provider ---- */

static int64_t created_ms(const struct json *j)
{
    int64_t s, ms;
    const struct json *unix_s = json_get(j, "created");
    if (unix_s && json_to_i64(unix_s, &s) && s > 0 && s < INT64_MAX / 1000)
        return s * 1000;
    struct str text = json_text(j, "created_at");
    return str_given(text) && time_parse_iso(text, &ms) ? ms : 0;
}

static bool put_model(struct cx *cx, const struct credential *c, const struct json *j,
                      struct buf *out)
{
    struct str id = json_text(j, "id");
    if (!id.len || id.len > ID_BYTES_MAX)
        return true;
    struct str name = json_text(j, "display_name");
    if (!name.len)
        name = json_text(j, "name");
    id = probe_shown(cx, c, id, ID_BYTES_MAX);
    name = name.len ? probe_shown(cx, c, name, NAME_BYTES_MAX) : id;
    if (out->len + id.len + name.len + 32 > MODELS_TEXT_BYTES_MAX)
        return false;
    buf_printf(out, "%.*s\t%.*s\t%lld\n", STR_ARG(id), STR_ARG(name), (long long)created_ms(j));
    return true;
}

static enum err read_list(struct cx *cx, const struct credential *c, struct str body,
                          struct str *ret)
{
    struct json j;
    struct json_fault fault;
    struct buf b;
    const char *title = unit_title(unit_find(str_of(c->provider)));
    if (json_parse(cx->arena, body, NULL, &j, &fault) != OK)
        FAIL(cx, UPSTREAM, "%s answered with something that is not JSON.", title);
    const struct json *data = json_get(&j, "data");
    if (!data || data->type != JSON_ARRAY)
        FAIL(cx, UPSTREAM, "%s answered without a list of models.", title);
    buf_init(&b, cx->arena, MODELS_TEXT_BYTES_MAX);
    for (uint32_t i = 0; i < data->count && i < MODELS_MAX; i++)
        if (!put_model(cx, c, &data->items[i], &b))
            break;
    *ret = buf_str(&b);
    return OK;
}

struct mark {
    struct str ref, said;
};
static enum err mark_in_tx(struct cx *cx, void *arg)
{
    struct mark *m = arg;
    return stored_mark(cx, STR_NULL, m->ref, true, m->said);
}

static enum err ask(struct cx *cx, const struct credential *c, struct str *ret)
{
    struct fetch_answer a = { 0 };
    struct probe_call call = { .method = "GET",
                               .path = strcmp(c->provider, "anthropic") == 0
                                           ? "/v1/models?limit=500"
                                           : "/v1/models",
                               .timeout_ms = PROBE_TIMEOUT_MS };
    const char *title = unit_title(unit_find(str_of(c->provider)));
    TRY(probe_send(cx, c, &call, &a));
    if (a.result.end == FETCH_TIMEOUT)
        FAIL(cx, UPSTREAM_TIMEOUT, "%s gave no answer within %d s.", title,
             PROBE_TIMEOUT_MS / 1000);
    if (a.result.end != FETCH_WHOLE)
        FAIL(cx, UPSTREAM, "%s: %.*s.", title,
             STR_ARG(probe_failure(cx, &a.result, PROBE_TIMEOUT_MS)));
    struct str said = probe_message(cx, c, a.body);
    if (a.result.status == 401 || a.result.status == 403) {
        struct mark m = { .ref = str_of(c->row_id),
                          .said = str_fmt(cx->arena, "%s answered %d", title, a.result.status) };
        if (c->row_id)
            TRY(db_write(cx, mark_in_tx, &m));
        FAIL(cx, CREDENTIAL_UNREADABLE, "%s refuses the key of %s: it answered %d%s%.*s.", title,
             c->key_source, a.result.status, said.len ? ", " : "", STR_ARG(said));
    }
    if (a.result.status < 200 || a.result.status > 299)
        FAIL(cx, UPSTREAM, "%s answered %d%s%.*s.", title, a.result.status, said.len ? ", " : "",
             STR_ARG(said));
    return read_list(cx, c, a.body, ret);
}

/* ---- the answer ---- */

struct lookup {
    struct credential_wish wish;
    struct credential *credential;
    struct models *models;
};

static enum err resolve_in_tx(struct cx *cx, void *arg)
{
    struct lookup *l = arg;
    return credentials_resolve(cx, &l->wish, &l->credential);
}

static enum err price_one(struct cx *cx, struct str provider, struct model *m)
{
    struct cost_price p;
    TRY(cost_price_of(cx, provider, m->id, &p));
    m->price = (struct model_price){ .input = p.input * 1000000,
                                     .output = p.output * 1000000,
                                     .cache_read = p.cache_read * 1000000,
                                     .cache_write = p.cache_write * 1000000,
                                     .version = p.version,
                                     .unpriced = p.unpriced };
    return OK;
}

static enum err price_in_tx(struct cx *cx, void *arg)
{
    struct lookup *l = arg;
    for (size_t i = 0; i < l->models->count; i++)
        TRY(price_one(cx, l->models->provider, &l->models->items[i]));
    return OK;
}

static void split_list(struct cx *cx, struct str text, struct models *ret)
{
    size_t room = 0;
    for (size_t i = 0; i < text.len; i++)
        room += text.ptr[i] == '\n';
    ret->items = arena_array(cx->arena, room, sizeof *ret->items);
    ret->count = 0;
    while (ret->count < room) {
        struct str line = str_split(&text, '\n');
        struct model *m = &ret->items[ret->count++];
        m->id = str_split(&line, '\t');
        m->name = str_split(&line, '\t');
        str_to_i64(line, &m->created_at_ms);
    }
}

static enum err list_of(struct cx *cx, const struct credential *c, struct str *ret_text,
                        int64_t *ret_since_ms)
{
    struct credentials *kept = cx->app->credentials;
    struct str key = str_fmt(cx->arena, "%s %s %s %s", c->row_id ? c->row_id : "server",
                             c->provider, c->key_source, c->base_url ? c->base_url : "");
    if (strcmp(c->provider, "offline") == 0) {
        *ret_text = str_fmt(cx->arena, "%s\tOffline assistant\t0\n", c->model);
        *ret_since_ms = cx->now_ms;
        return OK;
    }
    if (models_recall(kept, cx->arena, key, cx->now_ms, ret_text, ret_since_ms))
        return OK;
    TRY(ask(cx, c, ret_text));
    *ret_since_ms = cx->now_ms;
    models_keep(kept, key, cx->now_ms, *ret_text);
    return OK;
}

enum err models_list(struct cx *cx, struct str provider, struct models *ret)
{
    struct lookup l = { .wish = { .provider = provider }, .models = ret };
    struct str text = STR("");
    TRY(db_read(cx, resolve_in_tx, &l));
    ret->provider = str_copy(cx->arena, str_of(l.credential->provider));
    ret->key_source = str_copy(cx->arena, str_of(l.credential->key_source));
    enum err e = list_of(cx, l.credential, &text, &ret->since_ms);
    credential_free(l.credential);
    TRY(e);
    split_list(cx, text, ret);
    return db_read(cx, price_in_tx, &l);
}
