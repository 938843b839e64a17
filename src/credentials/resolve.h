/* From what is stored to what a call may use. Private to src/credentials and its tests. */
#ifndef CREDENTIALS_RESOLVE_H
#define CREDENTIALS_RESOLVE_H

#include "credentials/choose.h"
#include "credentials/credentials.h"

struct credential_parts {
    enum unit unit;
    enum tier tier;
    struct str model, base_url, agent_id, cf_client_id, row_id; /* absent: none */
    bool guarded;
    struct secret *key, *cf_secret; /* become the credential's */
};
struct credential *credential_new(const struct credential_parts *p);

/* Without slashes at the end, and without a last segment /v1: providers' paths bring theirs. */
struct str credential_base_url(struct str url);

/* Where the provider is, as the operator has configured it; absent where only a row can say. */
struct str unit_base_url(const struct app *app, enum unit u);

/* What the server's own configuration offers. */
void server_tier(const struct app *app, struct choose_tier *ret);
struct credential *server_credential(const struct app *app, const struct choose_out *chosen);

#endif
