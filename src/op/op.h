/* The operation: a row is the only way into the program.
 *
 * From a row come the route, the OpenAPI entry, the tool and its schema, the catalogue, the command
 * line verb, the access matrix, the counters and the refusal tests. A row with undeclared auth,
 * limits or docs does not start (registry_check). Zero is invalid in every enum that decides about
 * safety. */
#ifndef OP_OP_H
#define OP_OP_H

#include "op/page.h"

enum op_kind {
    OP_JSON = 1, /* struct in, struct out */
    OP_STREAM,   /* gets a sink; server-sent events */
    OP_UPLOAD,   /* multipart: typed fields and file handles */
    OP_DOWNLOAD, /* returns bytes or a blob; the face does Range and ETag */
    OP_RAW       /* request in, response out: only auth/nextauth*.c and mcp/ */
};

enum op_auth {
    AUTH_NONE = 1, /* public */
    AUTH_SESSION,
    AUTH_SESSION_OR_NONE, /* who has a live session is known (and sends its CSRF token); others too
                           */
    AUTH_MCP,             /* an agent key */
    AUTH_MCP_OR_OPENCLAW,
    AUTH_CRON,
    AUTH_OPERATOR /* the command line on this machine only; no HTTP route of its own */
};

/* Bits, so that a row lists who may. */
enum op_roles {
    ROLES_ANY = 0x80, /* no workspace role is asked: public, cron, operator, own account */
    ROLES_OWNER = 1 << ROLE_OWNER,
    ROLES_ADMIN_UP = 1 << ROLE_ADMIN | ROLES_OWNER,
    ROLES_MEMBER_UP = 1 << ROLE_MEMBER | ROLES_ADMIN_UP,
    ROLES_VIEWER_UP = 1 << ROLE_VIEWER | ROLES_MEMBER_UP
};

enum op_tx {
    TX_READ = 1, /* one snapshot; cannot write */
    TX_WRITE, /* idempotency → run → audit, jobs, answer → commit → answer; may be run again */
    TX_NONE /* provider calls, child processes, uploads: the area calls db_write per step */
};

enum op_lane {
    LANE_LOOP = 1, /* a memory answer, or one bounded indexed read */
    LANE_WORKER,
    LANE_SLOW,    /* providers, OCR, DOCX, exports: its own small pool */
    LANE_PASSWORD /* argon2: apart, so that nothing slow keeps people from signing in */
};

enum op_rate {
    RATE_NONE = 1,
    RATE_READ,
    RATE_WRITE,
    RATE_SIGN_IN,
    RATE_UPLOAD,
    RATE_CHAT,
    RATE_MCP,
    RATE_CLAIM,
    RATE_PROGRESS,
    RATE_COUNT
};

enum op_effect { EFFECT_READ = 1, EFFECT_WRITE, EFFECT_EXTERNAL };

enum op_flags {
    OP_WRAPPED_READ = 1, /* a POST that only reads */
    OP_NO_BODY = 2,      /* POST or PATCH without a body: x-no-body */
    OP_CORE_TOOL = 4,    /* stands in the lazy tool list */
    OP_QUIET = 8,        /* no audit row for a success (reads never write one) */
    OP_INTERNAL = 16,    /* not in the public API document (health, console) */
    OP_RENEWS = 32,      /* a success seals the caller's session cookie anew (hook renew) */
    OP_ANSWER_ONCE = 64  /* the answer holds a secret that is shown once: it is not kept for an
                            Idempotency-Key, a repetition is told that the deed was done */
};

struct op_tool {
    int level;                /* autonomy level 0-3 */
    const char *doc;          /* what a model is told */
    const struct field *view; /* narrower answer for models; NULL: out */
};

struct sink;
struct raw_request;
struct reply;
struct download;

struct op {
    const char *name; /* snake_case, verb_noun */
    enum op_kind kind;
    const char *http;     /* "POST /api/agent-tasks/{taskId}/claim"; NULL: no route; "{page...}" at
                             the end takes the rest of the path (op/router.h) */
    const char *category; /* "documents" */
    enum op_auth auth;
    unsigned roles;     /* enum op_roles */
    unsigned org_roles; /* enum op_roles, in the organisation that the argument `orgId` names; 0:
                           the row names none; with them `roles` is ROLES_ANY. Who does not belong
                           to it gets NOT_FOUND. Of such a call cx's workspace is only where the
                           deed is recorded. */
    enum op_tx tx;
    enum op_lane lane;
    enum op_rate rate;
    enum op_effect effect;
    unsigned flags;
    const char *addon;          /* must be active in the workspace; NULL: none */
    const struct op_tool *tool; /* NULL: not a tool */
    const struct field *in;     /* NULL: takes nothing */
    size_t in_size;
    const struct field *out; /* NULL: {"success":true} */
    size_t out_size;
    size_t body_bytes_max; /* 0: the configured default */
    int status;            /* of a success; 0: 200, and 201 for a POST that creates (`location`) */
    const char *location;  /* "/api/documents/doc/{id}": Location of what was created; {id} from
                              out's  first object */
    union {                /* by kind; runs inside the transaction that `tx` says */
        enum err (*run)(struct cx *cx, const void *in, void *out); /* OP_JSON, OP_UPLOAD */
        enum err (*stream)(struct cx *cx, const void *in, struct sink *sink);      /* OP_STREAM */
        enum err (*download)(struct cx *cx, const void *in, struct download *ret); /* OP_DOWNLOAD */
        enum err (*raw)(struct cx *cx, const struct raw_request *rq,
                        struct reply *reply); /* OP_RAW */
    };
    const char *summary; /* a few words; required */
    const char *doc;     /* what it does, limits, errors; required for public routes */
};

/* 200, 201 for what has a Location, or what the row says. */
int op_success_status(const struct op *op);

/* OP_DOWNLOAD: bytes in the arena, or a blob. */
struct download {
    struct str bytes;
    struct blob_reader *blob;    /* the call frees it */
    struct str content_type;     /* default application/octet-stream */
    struct str filename;         /* attachment with this name; absent: inline */
    struct str etag;             /* without quotes; absent: none */
    struct str cache_control;    /* absent: no-store */
    struct str content_encoding; /* "gzip" when `bytes` are stored compressed */
    struct str policy;           /* Content-Security-Policy; absent: the face's own for the kind */
    int64_t modified_ms;         /* 0: none */
};

#endif
