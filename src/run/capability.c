/* Form: base64url("run\nworkspace\norganisation\nuser\nexpiry in ms") "." base64url(HMAC-SHA-256).
 */
#include "run/capability.h"

#include "base/app.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/crypto.h"

enum { LIFE_MS = 2 * 60 * 1000, TEXT_BYTES_MAX = 512 };

static void mac_of(struct cx *cx, struct str text, uint8_t out[SHA256_BYTES])
{
    uint8_t key[SHA256_BYTES];
    hkdf_sha256(secret_bytes(cx->app->config->root_key), STR(""), STR("opboxd node capability"),
                key, sizeof key);
    hmac_sha256((struct str){ (char *)key, sizeof key }, text, out);
    bytes_wipe(key, sizeof key);
}

static void put_base64(struct buf *out, const void *bytes, size_t len)
{
    char *at = buf_reserve(out, base64_encode_len(len));
    if (at)
        out->len += base64url_encode(bytes, len, at);
}

struct str capability_make(struct cx *cx, struct str run_id)
{
    uint8_t mac[SHA256_BYTES];
    struct buf out;
    const struct principal *p = &cx->principal;
    int64_t until_ms = cx->now_ms + LIFE_MS;
    struct str text = str_fmt(cx->arena, "%.*s\n%.*s\n%.*s\n%.*s\n%lld", STR_ARG(run_id),
                              STR_ARG(p->workspace_id), STR_ARG(p->organization_id),
                              STR_ARG(p->user_id), (long long)until_ms);
    mac_of(cx, text, mac);
    buf_init(&out, cx->arena, 2 * TEXT_BYTES_MAX);
    put_base64(&out, text.ptr, text.len);
    buf_put_byte(&out, '.');
    put_base64(&out, mac, sizeof mac);
    return buf_str(&out);
}

bool capability_open(struct cx *cx, struct str text, struct str run_id)
{
    uint8_t mac[SHA256_BYTES], *given_mac, *plain;
    size_t mac_len, plain_len;
    int64_t until_ms;
    if (text.len > 2 * TEXT_BYTES_MAX)
        return false;
    struct str rest = text, head = str_split(&rest, '.');
    plain = arena_alloc(cx->arena, head.len + 4);
    given_mac = arena_alloc(cx->arena, rest.len + 4);
    if (!str_given(rest) || !base64url_decode(head, plain, &plain_len) ||
        !base64url_decode(rest, given_mac, &mac_len) || mac_len != sizeof mac)
        return false;
    struct str all = { (char *)plain, plain_len };
    mac_of(cx, all, mac);
    if (!bytes_equal(mac, given_mac, sizeof mac))
        return false;
    struct str run = str_split(&all, '\n');
    cx->principal.workspace_id = str_split(&all, '\n');
    cx->principal.organization_id = str_split(&all, '\n');
    cx->principal.user_id = str_split(&all, '\n');
    return str_eq(run, run_id) && str_to_i64(all, &until_ms) && until_ms > cx->now_ms;
}
