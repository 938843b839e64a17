/* What may be stored: keys and addresses as people paste them.
 *
 * A key of another provider is told by its beginning, which the providers fix: Anthropic's sk-ant-,
 * Groq's gsk_, OpenAI's sk-proj-, sk-svcacct-, sk-admin-. Values of secrets are never repeated. */
#include "credentials/store.h"

static const char *const names[UNIT_COUNT][UNIT_FIELDS] = {
    [UNIT_ANTHROPIC] = { [FIELD_KEY] = "anthropicApiKey" },
    [UNIT_OPENAI] = { [FIELD_KEY] = "openaiApiKey", [FIELD_ENDPOINT] = "openaiBaseUrl" },
    [UNIT_GROQ] = { [FIELD_KEY] = "groqApiKey" },
    [UNIT_HERMES] = { [FIELD_KEY] = "hermesApiKey", [FIELD_ENDPOINT] = "hermesEndpointUrl" },
    [UNIT_OPENCLAW] = { "openclawBearer", "openclawEndpointUrl", "openclawAgentId",
                        "openclawCfAccessClientId", "openclawCfAccessClientSecret" },
};

const char *change_field_name(enum unit u, int field)
{
    return names[u][field];
}

/* ---- keys ---- */

static bool visible(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || s.ptr[i] == '"' || s.ptr[i] == '\\')
            return false;
    return true;
}

/* Whose key it is by its form, or NULL. */
static const char *form_of(struct str key)
{
    static const struct {
        const char *prefix, *whose;
    } forms[] = {
        { "sk-ant-", "Anthropic" }, { "gsk_", "Groq" },
        { "sk-proj-", "OpenAI" },   { "sk-svcacct-", "OpenAI" },
        { "sk-admin-", "OpenAI" },  { "cp_live_", "an agent of this server" },
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (str_starts(key, str_of(forms[i].prefix)))
            return forms[i].whose;
    return NULL;
}

static void check_key(struct cx *cx, enum unit u, int field, const struct stored *preview,
                      struct str key)
{
    struct str name = str_of(names[u][field]);
    const char *whose = form_of(key);
    /* A compatible server of one's own may take anybody's form of keys. */
    bool own_address = str_given(preview->row.endpoint);
    if (!visible(key))
        cx_field_error(cx, name,
                       "has a space, a line break, a quote or a character outside ASCII; "
                       "paste the key alone");
    else if (str_starts(key, STR("cp_live_")) ||
             (whose && !own_address && u != UNIT_HERMES && u != UNIT_OPENCLAW &&
              strcmp(whose, unit_title(u)) != 0))
        cx_field_error(cx, name, "is a key of %s, not of %s", whose, unit_title(u));
}

/* ---- addresses ---- */

static bool host_valid(struct str host)
{
    bool v6 = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    struct str inner = v6 ? str_sub(host, 1, host.len - 1) : host;
    if (!inner.len || inner.len > 253)
        return false;
    for (size_t i = 0; i < inner.len; i++) {
        char ch = inner.ptr[i];
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
        bool digit = ch >= '0' && ch <= '9';
        if (!letter && !digit && ch != '.' && !(v6 ? ch == ':' : ch == '-' || ch == '_'))
            return false;
    }
    return true;
}

/* What is wrong with a URL, or NULL. */
static const char *url_fault(struct str url)
{
    struct str rest;
    if (str_starts(url, STR("https://")))
        rest = str_sub(url, 8, url.len);
    else if (str_starts(url, STR("http://")))
        rest = str_sub(url, 7, url.len);
    else
        return "must begin with https:// or http://";
    if (!visible(url))
        return "has a space or a character outside ASCII";
    if (str_find_byte(url, '?') != SIZE_MAX || str_find_byte(url, '#') != SIZE_MAX)
        return "is a base URL: it has no ? and no #";
    struct str authority = str_sub(rest, 0, str_find_byte(rest, '/'));
    if (str_find_byte(authority, '@') != SIZE_MAX)
        return "holds a user or password; those go into the fields for secrets";
    size_t close = str_find_byte(authority, ']'), from = close == SIZE_MAX ? 0 : close;
    size_t colon = str_find_byte(str_sub(authority, from, authority.len), ':');
    struct str host = authority;
    if (colon != SIZE_MAX) {
        int64_t port;
        host = str_sub(authority, 0, from + colon);
        if (!str_to_i64(str_sub(authority, from + colon + 1, authority.len), &port) || port < 1 ||
            port > 65535)
            return "has a port that is none (1 to 65535)";
    }
    return host_valid(host) ? NULL : "has no valid host name";
}

static void check_endpoint(struct cx *cx, enum unit u, struct field_change *f)
{
    const char *wrong = url_fault(f->value);
    if (wrong)
        cx_field_error(cx, str_of(names[u][FIELD_ENDPOINT]), "%s", wrong);
    while (f->value.len && f->value.ptr[f->value.len - 1] == '/')
        f->value.len--;
}

/* ---- units ---- */

static void check_unit(struct cx *cx, const struct stored *old, struct change *c, enum unit u)
{
    static const int plain[] = { FIELD_AGENT, FIELD_CF_ID };
    struct field_change *f = c->units[u];
    struct stored preview;
    bool clears;
    if (f[FIELD_ENDPOINT].seen == FIELD_GIVEN)
        check_endpoint(cx, u, &f[FIELD_ENDPOINT]);
    change_preview(old, c, u, &preview, &clears);
    if (f[FIELD_KEY].seen == FIELD_GIVEN)
        check_key(cx, u, FIELD_KEY, &preview, f[FIELD_KEY].value);
    if (f[FIELD_CF_SECRET].seen == FIELD_GIVEN)
        check_key(cx, u, FIELD_CF_SECRET, &preview, f[FIELD_CF_SECRET].value);
    for (size_t i = 0; i < 2; i++)
        if (f[plain[i]].seen == FIELD_GIVEN && !visible(f[plain[i]].value))
            cx_field_error(cx, str_of(names[u][plain[i]]),
                           "has a space, a quote or a character outside ASCII");
    if (str_given(preview.row.cf_client_id) != str_given(preview.row.cf_secret)) {
        int missing = str_given(preview.row.cf_secret) ? FIELD_CF_ID : FIELD_CF_SECRET;
        cx_field_error(cx, str_of(names[u][missing]),
                       "id and secret of Cloudflare Access go together: give both, or null for "
                       "both");
    }
}

void change_check(struct cx *cx, const struct scope *scope, const struct tiers *t, struct change *c)
{
    for (enum unit u = UNIT_NONE + 1; u < UNIT_COUNT; u++)
        if (change_touches(c, u))
            check_unit(cx, t->units[scope->tier][u], c, u);
    if (c->chat_model.seen == FIELD_GIVEN && !visible(c->chat_model.value))
        cx_field_error(cx, STR("chatModel"), "has a space, a quote or a character outside ASCII");
    if (c->allow_personal_seen == FIELD_NULL)
        cx_field_error(cx, STR("allowPersonalKeys"), "is true or false");
}
