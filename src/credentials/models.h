/* What models a provider offers, from its /v1/models, kept for five minutes. Private to
 * src/credentials and its tests. */
#ifndef CREDENTIALS_MODELS_H
#define CREDENTIALS_MODELS_H

#include "cost/cost.h"
#include "credentials/probe.h"

struct model {
    struct str id, name;
    int64_t created_at_ms; /* 0: not said */
    struct model_price {
        int64_t input, output, cache_read, cache_write; /* nano-dollars a million tokens */
        struct str version;
        bool unpriced;
    } price;
};
struct models {
    struct str provider, key_source;
    struct model *items;
    size_t count;
    int64_t since_ms; /* when the provider was asked */
};
/* Outside of transactions. PROVIDER_NOT_CONFIGURED, CREDENTIAL_UNREADABLE; UPSTREAM,
 * UPSTREAM_TIMEOUT when the provider gives no list. */
enum err models_list(struct cx *cx, struct str provider, struct models *ret);

#endif
