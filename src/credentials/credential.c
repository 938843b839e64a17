/* The resolved credential: made, and wiped. */
#include <stdlib.h>

#include "credentials/resolve.h"

#include "base/crypto.h"

static char *keep(struct str s)
{
    if (!str_given(s))
        return NULL;
    char *p = malloc(s.len + 1);
    if (!p)
        abort();
    if (s.len)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return p;
}

struct str credential_base_url(struct str url)
{
    while (url.len && url.ptr[url.len - 1] == '/')
        url.len--;
    if (str_ends(url, STR("/v1")))
        url.len -= 3;
    while (url.len && url.ptr[url.len - 1] == '/')
        url.len--;
    return url;
}

struct credential *credential_new(const struct credential_parts *p)
{
    struct credential *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    *c = (struct credential){
        .provider = keep(str_of(unit_name(p->unit))),
        .model = keep(p->model),
        .key_source = keep(str_of(tier_key_source(p->tier))),
        .base_url = str_given(p->base_url) ? keep(credential_base_url(p->base_url)) : NULL,
        .guarded = p->guarded,
        .key = p->key,
        .agent_id = keep(p->agent_id),
        .cf_client_id = keep(p->cf_client_id),
        .cf_secret = p->cf_secret,
        .row_id = keep(p->row_id),
    };
    return c;
}

void credential_free(struct credential *c)
{
    if (!c)
        return;
    secret_free(c->key);
    secret_free(c->cf_secret);
    free(c->provider);
    free(c->model);
    free(c->key_source);
    free(c->base_url);
    free(c->agent_id);
    free(c->cf_client_id);
    free(c->row_id);
    free(c);
}
