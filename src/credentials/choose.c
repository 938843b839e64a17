/* See choose.h.
 *
 * Invariant: no path from a refused or unreadable unit leads to another tier's or unit's. */
#include "credentials/choose.h"

static const struct {
    const char *name, *title, *model;
} units[UNIT_COUNT] = {
    [UNIT_NONE] = { "offline", "the offline assistant", "offline-assistant" },
    [UNIT_ANTHROPIC] = { "anthropic", "Anthropic", "claude-sonnet-5" },
    [UNIT_OPENAI] = { "openai", "OpenAI", "gpt-5.4-mini" },
    [UNIT_GROQ] = { "groq", "Groq", "llama-3.3-70b-versatile" },
    [UNIT_HERMES] = { "hermes", "Hermes", "hermes-agent" },
    [UNIT_OPENCLAW] = { "openclaw", "OpenClaw", "openclaw" },
};

static const struct {
    const char *name, *source;
} tiers[TIER_COUNT] = {
    [TIER_NONE] = { "NONE", "NONE" },
    [TIER_USER] = { "USER", "USER_KEY" },
    [TIER_WORKSPACE] = { "WORKSPACE", "WORKSPACE_KEY" },
    [TIER_ORGANIZATION] = { "ORGANIZATION", "ORG_KEY" },
    [TIER_SERVER] = { "SERVER", "SERVER_KEY" },
};

const char *const unit_words[] = { "anthropic", "openai", "groq", "hermes", "openclaw", NULL };
const char *const unit_words_offline[] = { "anthropic", "openai",  "groq", "hermes",
                                           "openclaw",  "offline", NULL };
const char *const key_source_words[] = { "USER_KEY",   "WORKSPACE_KEY", "ORG_KEY",
                                         "SERVER_KEY", "NONE",          NULL };

const char *unit_name(enum unit u)
{
    return units[u].name;
}

const char *unit_title(enum unit u)
{
    return units[u].title;
}

const char *unit_default_model(enum unit u)
{
    return units[u].model;
}

enum unit unit_find(struct str provider)
{
    for (enum unit u = UNIT_NONE + 1; u < UNIT_COUNT; u++)
        if (str_is(provider, units[u].name))
            return u;
    return UNIT_NONE;
}

const char *tier_key_source(enum tier t)
{
    return tiers[t].source;
}

const char *tier_name(enum tier t)
{
    return tiers[t].name;
}

static enum tier first_tier(const struct choose_in *in)
{
    return in->personal ? TIER_USER : TIER_WORKSPACE;
}

enum tier choose_supplier(const struct choose_in *in, enum unit u)
{
    for (enum tier t = first_tier(in); t < TIER_COUNT; t++)
        if (in->tiers[t].units[u] != UNIT_ABSENT)
            return t;
    return TIER_NONE;
}

static enum tier pinning_tier(const struct choose_in *in)
{
    for (enum tier t = first_tier(in); t < TIER_COUNT; t++)
        if (in->tiers[t].pin != UNIT_NONE)
            return t;
    return TIER_NONE;
}

/* The first unit of the first tier that has any. */
static enum unit first_unit(const struct choose_in *in)
{
    for (enum tier t = first_tier(in); t < TIER_COUNT; t++)
        for (enum unit u = UNIT_NONE + 1; u < UNIT_COUNT; u++)
            if (in->tiers[t].units[u] != UNIT_ABSENT)
                return u;
    return UNIT_NONE;
}

static void choose_provider(const struct choose_in *in, struct choose_out *ret)
{
    enum tier pinned_by = pinning_tier(in);
    enum unit pin = pinned_by ? in->tiers[pinned_by].pin : UNIT_NONE;
    if (in->wanted != UNIT_NONE) {
        ret->because = BECAUSE_WANTED;
        ret->unit = in->wanted;
    } else if (pin != UNIT_ANTHROPIC && pin != UNIT_OPENAI && choose_supplier(in, UNIT_OPENCLAW)) {
        ret->because = BECAUSE_OPENCLAW;
        ret->unit = UNIT_OPENCLAW;
    } else if (pin != UNIT_NONE) {
        ret->because = BECAUSE_PINNED;
        ret->unit = pin;
        ret->pinned_by = pinned_by;
    } else {
        ret->because = BECAUSE_FIRST;
        ret->unit = first_unit(in);
    }
}

/* A tier's model belongs to the provider that the tier pins; one without a pin belongs to whatever
 * is chosen, unless that was asked for by name or is pinned by a tier above it. */
static struct str choose_model(const struct choose_in *in, const struct choose_out *out)
{
    if (in->model.len)
        return in->model;
    for (enum tier t = first_tier(in); t < TIER_COUNT; t++) {
        const struct choose_tier *at = &in->tiers[t];
        bool open = at->pin == UNIT_NONE && out->because != BECAUSE_WANTED &&
                    !(out->because == BECAUSE_PINNED && t > out->pinned_by);
        if (at->model.len && (at->pin == out->unit || open))
            return at->model;
    }
    return str_of(units[out->unit].model);
}

void choose(const struct choose_in *in, struct choose_out *ret)
{
    static const enum choose_verdict verdicts[] = {
        [UNIT_ABSENT] = CHOOSE_NOT_CONFIGURED, [UNIT_SET] = CHOOSE_UNIT,
        [UNIT_VERIFIED] = CHOOSE_UNIT,         [UNIT_REFUSED] = CHOOSE_REFUSED,
        [UNIT_UNREADABLE] = CHOOSE_UNREADABLE,
    };
    struct choose_out out = { .verdict = CHOOSE_OFFLINE };
    choose_provider(in, &out);
    if (out.unit != UNIT_NONE) {
        out.tier = choose_supplier(in, out.unit);
        out.verdict = verdicts[in->tiers[out.tier].units[out.unit]];
        out.model = choose_model(in, &out);
    } else {
        out.model = str_of(units[UNIT_NONE].model);
    }
    *ret = out;
}
