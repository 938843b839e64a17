/* A row of the audit on its way to the table, complete but for its id. Private to src/audit. */
#ifndef AUDIT_RECORD_H
#define AUDIT_RECORD_H

#include "audit/audit.h"
#include "db/db.h"

#define AUDIT_MESSAGE_BYTES_MAX 500
#define AUDIT_METADATA_BYTES_MAX 8192

struct audit_record {
    int64_t created_at_ms, count;
    enum principal_kind actor_kind;
    enum audit_severity severity;
    struct str workspace_id, action, type, outcome, actor_id, actor_name, on_behalf_of, entity_type,
        entity_id, message, metadata, remote_addr, request_id;

    /* To be looked up when it is written. */
    struct str account; /* whose workspace it belongs to */
    bool strayed;       /* only when entity_id is of another workspace */
};

/* Texts are the caller's own. */
struct audit_record audit_record_make(const struct cx *cx, const struct audit_row *row);
enum err audit_record_insert(struct cx *cx, const struct audit_record *r);
/* At most bytes_max, at a character's boundary. */
struct str audit_text_cut(struct str s, size_t bytes_max);

#endif
