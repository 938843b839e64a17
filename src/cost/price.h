/* The price list and what the files of this folder share. Private to src/cost. */
#ifndef COST_PRICE_H
#define COST_PRICE_H

#include "base/clock.h"
#include "cost/cost.h"

struct listed_price {
    const char *provider, *model;
    struct cost_price price; /* without its version */
};
extern const struct listed_price price_list[];
extern const size_t price_list_count;
struct str price_list_version(void); /* "2026-11-26" */

/* The shipped price, by the exact name or the base name. */
bool price_listed(struct str provider, struct str model, struct cost_price *ret);
/* Without a date or -latest at the end. */
struct str price_base_name(struct str model);

/* Organisation of a workspace; hot. */
enum err cost_organization(struct cx *cx, struct str workspace_id, struct str *ret);

#endif
