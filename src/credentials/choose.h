/* The choice of the credential that pays, as a pure function over what each tier has.
 *
 * Rules (docs/credentials.md says them for admins):
 *   - a unit is supplied whole by the first tier that has it complete, personal > workspace >
 *     organisation > server; a refused or unreadable one stops there, nobody else's pays;
 *   - a provider asked for by name is that one or nothing;
 *   - a pin of anthropic or openai (the first tier that pins) decides; else OpenClaw, wherever it
 *     is complete; else another pin; else the first tier that has any unit, in the order of
 *     enum unit;
 *   - nothing anywhere: the offline assistant.
 *
 * Owns no secrets and does no I/O. Private to src/credentials and its tests. */
#ifndef CREDENTIALS_CHOOSE_H
#define CREDENTIALS_CHOOSE_H

#include "base/str.h"

/* In the order in which an unpinned tier is searched. */
enum unit {
    UNIT_NONE = 0,
    UNIT_ANTHROPIC,
    UNIT_OPENAI,
    UNIT_GROQ,
    UNIT_HERMES,
    UNIT_OPENCLAW,
    UNIT_COUNT
};
enum tier { TIER_NONE = 0, TIER_USER, TIER_WORKSPACE, TIER_ORGANIZATION, TIER_SERVER, TIER_COUNT };

/* ABSENT also stands for one that is not complete. */
enum unit_state { UNIT_ABSENT = 0, UNIT_SET, UNIT_VERIFIED, UNIT_REFUSED, UNIT_UNREADABLE };

/* The words of requests and answers; NULL ends each. */
extern const char *const unit_words[], *const unit_words_offline[], *const key_source_words[];

const char *unit_name(enum unit u);       /* "anthropic"; "offline" for NONE */
enum unit unit_find(struct str provider); /* UNIT_NONE: not one of ours */
const char *unit_title(enum unit u);      /* "Anthropic" */
const char *tier_key_source(enum tier t); /* "USER_KEY" …; "NONE" */
/* As a path or table says it: "USER" "WORKSPACE" "ORGANIZATION" "SERVER". */
const char *tier_name(enum tier t);
/* When no tier has chosen one; never empty. */
const char *unit_default_model(enum unit u);

struct choose_tier {
    enum unit_state units[UNIT_COUNT];
    enum unit pin;    /* chatProvider; UNIT_NONE: not pinned */
    struct str model; /* chatModel; absent: not chosen */
};
struct choose_in {
    struct choose_tier tiers[TIER_COUNT];
    bool personal;    /* a person calls, and the organisation lets their own keys count */
    enum unit wanted; /* by name; UNIT_NONE: not said */
    struct str model; /* by name; absent: not said */
};

enum choose_verdict {
    CHOOSE_UNIT = 1,
    CHOOSE_OFFLINE,        /* nobody has anything */
    CHOOSE_NOT_CONFIGURED, /* `unit` is asked for or pinned, and no tier has it */
    CHOOSE_REFUSED,        /* `unit` of `tier`: its provider refused it */
    CHOOSE_UNREADABLE      /* `unit` of `tier`: cannot be opened */
};
enum choose_because { BECAUSE_WANTED = 1, BECAUSE_PINNED, BECAUSE_OPENCLAW, BECAUSE_FIRST };
struct choose_out {
    enum choose_verdict verdict;
    enum unit unit;
    enum tier tier;              /* whose credential; TIER_NONE without one */
    struct str model;            /* never empty */
    enum choose_because because; /* why this provider */
    enum tier pinned_by;         /* with BECAUSE_PINNED */
};
void choose(const struct choose_in *in, struct choose_out *ret);

/* The tier that supplies `u`, or TIER_NONE. */
enum tier choose_supplier(const struct choose_in *in, enum unit u);

#endif
