/* What administrators see of the audit: the trail of deeds, and the security events.
 *
 * Goals: keyset pages; a page costs the same however long the log is. `offset` is there for clients
 * of the documented shape; `cursor` is the way that stays cheap.
 *
 * Invariants
 * - Each filter has an index that leads along its rows, newest first. Of several filters one leads;
 *   for the others a page looks at SCAN_MAX rows at the most, and is short, or empty, and goes on
 *   where it ended.
 * - A total looks at COUNT_MAX rows at the most. */
#include "audit/audit.h"
#include "audit/audit_sql.h"
#include "base/crypto.h"

enum { COUNT_MAX = 10000, SCAN_MAX = 1000 };

/* ---- list_audit_logs ---- */

struct log_view {
    struct str id, action, outcome, type, severity, actor_kind, actor_id, actor_name, on_behalf_of,
        entity_type, entity_id, message, metadata, ip, request_id, hash;
    int64_t created_at_ms, count, seq;
    uint8_t seq_seen;
};
struct log_list_input {
    struct page_in page;
    int64_t offset, from_ms, to_ms;
    struct str action, actor_id, entity_type, entity_id;
};
struct log_pagination {
    struct page_out page;
    int64_t total, offset;
    bool total_is_lower_bound;
};
struct log_list_output {
    struct span logs;
    struct log_pagination pagination;
    int64_t since_ms;
};

#define TEXT_VIEW(view, json, member, extra, text)                                                 \
    {                                                                                              \
        .name = json, .type = FIELD_STR, .flags = (extra),                                         \
        .offset = FIELD_AT(struct view, member), .doc = text                                       \
    }

#define SINCE_DOC "When the oldest entry that is kept was written"

static const char *const severities[] = { "INFO", "WARNING", "CRITICAL", NULL };

static const struct field log_view_fields[] = {
    TEXT_VIEW(log_view, "id", id, FIELD_REQUIRED, "Id of the entry"),
    { .name = "createdAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED | FIELD_NULLABLE,
      .offset = FIELD_AT(struct log_view, created_at_ms),
      .doc = "When it was done" },
    TEXT_VIEW(log_view, "action", action, FIELD_REQUIRED, "Operation or event"),
    TEXT_VIEW(log_view, "outcome", outcome, FIELD_REQUIRED, "OK, or the error's code"),
    TEXT_VIEW(log_view, "type", type, FIELD_NULLABLE, "Type of a security event"),
    TEXT_VIEW(log_view, "severity", severity, FIELD_NULLABLE, "Severity of a security event"),
    TEXT_VIEW(log_view, "actorKind", actor_kind, FIELD_REQUIRED, "USER, AGENT_KEY, SYSTEM …"),
    TEXT_VIEW(log_view, "actorId", actor_id, FIELD_NULLABLE, "User, or agent key"),
    TEXT_VIEW(log_view, "actorName", actor_name, FIELD_NULLABLE, "Name of the actor at that time"),
    TEXT_VIEW(log_view, "onBehalfOf", on_behalf_of, FIELD_NULLABLE, "User an agent key acts for"),
    TEXT_VIEW(log_view, "entityType", entity_type, FIELD_NULLABLE,
              "What kind of thing it is about"),
    TEXT_VIEW(log_view, "entityId", entity_id, FIELD_NULLABLE, "Which one"),
    TEXT_VIEW(log_view, "message", message, FIELD_NULLABLE, "In words"),
    { .name = "metadata",
      .type = FIELD_JSON,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct log_view, metadata),
      .doc = "Further facts" },
    TEXT_VIEW(log_view, "ip", ip, FIELD_NULLABLE, "Address of the client"),
    TEXT_VIEW(log_view, "requestId", request_id, FIELD_NULLABLE, "X-Request-Id of the answer"),
    { .name = "count",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct log_view, count),
      .doc = "How many equal events the entry stands for" },
    { .name = "seq",
      .type = FIELD_INT,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct log_view, seq),
      .seen = FIELD_SEEN(struct log_view, seq_seen),
      .doc = "Place in the chain; null until it is sealed" },
    TEXT_VIEW(log_view, "hash", hash, FIELD_NULLABLE,
              "Hash in the chain, in hex; null until sealed"),
    FIELD_END,
};

#define QUERY_TEXT(in_struct, json, member, max_chars, text)                                       \
    {                                                                                              \
        .name = json, .type = FIELD_STR, .from = FROM_QUERY,                                       \
        .offset = FIELD_AT(struct in_struct, member), .max = (max_chars), .doc = text              \
    }
#define QUERY_TIME(in_struct, json, member, text)                                                  \
    {                                                                                              \
        .name = json, .type = FIELD_TIME, .from = FROM_QUERY,                                      \
        .offset = FIELD_AT(struct in_struct, member), .doc = text                                  \
    }

static const struct field log_list_input_fields[] = {
    QUERY_TEXT(log_list_input, "action", action, 100, "Only this operation or event"),
    QUERY_TEXT(log_list_input, "actorId", actor_id, 64, "Only what this user or key did"),
    QUERY_TEXT(log_list_input, "entityType", entity_type, 64, "Only about this kind of thing"),
    QUERY_TEXT(log_list_input, "entityId", entity_id, 64, "Only about this one"),
    QUERY_TIME(log_list_input, "from", from_ms, "Not before this time"),
    QUERY_TIME(log_list_input, "to", to_ms, "Not after this time"),
    { .name = "offset",
      .type = FIELD_INT,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct log_list_input, offset),
      .min = 0,
      .max = COUNT_MAX,
      .doc = "Entries to pass over; not together with cursor" },
    FIELD_PAGE_IN(struct log_list_input),
    FIELD_END,
};
static const struct field log_pagination_fields[] = {
    { .name = "total",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct log_pagination, total),
      .doc = "Entries that fit the filter, exact up to 10,000" },
    { .name = "totalIsLowerBound",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct log_pagination, total_is_lower_bound),
      .doc = "There are more than total" },
    { .name = "limit",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct log_pagination, page.limit),
      .doc = "Most entries that this page could have" },
    { .name = "offset",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct log_pagination, offset),
      .doc = "Entries passed over" },
    { .name = "hasMore",
      .type = FIELD_BOOL,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct log_pagination, page.has_more),
      .doc = "Whether there are further entries" },
    TEXT_VIEW(log_pagination, "nextCursor", page.next_cursor, FIELD_NULLABLE,
              "Give it as cursor for the next page; null on the last"),
    FIELD_END,
};
static const struct field log_list_output_fields[] = {
    { .name = "logs",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct log_list_output, logs),
      .fields = log_view_fields,
      .elem_size = sizeof(struct log_view),
      .doc = "Newest first" },
    { .name = "pagination",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct log_list_output, pagination),
      .fields = log_pagination_fields,
      .doc = "Where the list goes on" },
    { .name = "since",
      .type = FIELD_TIME,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct log_list_output, since_ms),
      .doc = SINCE_DOC },
    FIELD_END,
};

static struct str tenant(const struct cx *cx)
{
    struct str w = cx->principal.workspace_id;
    return str_given(w) ? w : STR("");
}

static struct str hash_text(struct cx *cx, struct str hash)
{
    if (!str_given(hash))
        return STR_NULL;
    char *hex = arena_alloc_raw(cx->arena, 2 * hash.len + 1);
    hex_encode((const uint8_t *)hash.ptr, hash.len, hex);
    return (struct str){ hex, 2 * hash.len };
}

/* Of a row of audit_list or audit_get: the generator gives each statement a struct of its own. */
#define LOG_VIEW_OF(cx, r)                                                                         \
    {                                                                                              \
        .id = (r)->id, .action = (r)->action, .outcome = (r)->outcome, .type = (r)->type,          \
        .severity = (r)->severity, .actor_kind = (r)->actor_kind, .actor_id = (r)->actor_id,       \
        .actor_name = (r)->actor_name, .on_behalf_of = (r)->on_behalf_of,                          \
        .entity_type = (r)->entity_type, .entity_id = (r)->entity_id, .message = (r)->message,     \
        .metadata = (r)->metadata, .ip = (r)->remote_addr, .request_id = (r)->request_id,          \
        .hash = hash_text((cx), (r)->hash), .created_at_ms = (r)->created_at, .count = (r)->count, \
        .seq = (r)->seq.value, .seq_seen = (r)->seq.given ? FIELD_GIVEN : FIELD_NULL               \
    }

static enum err since_load(struct cx *cx, int64_t *ret_ms)
{
    struct audit_oldest_in in = { .workspace_id = tenant(cx) };
    struct audit_oldest_row row;
    bool found;
    TRY(audit_oldest(cx, &in, &row, &found));
    *ret_ms = found ? row.created_at : 0;
    return OK;
}

/* Which filter leads. */
enum log_way { LOG_ALL, LOG_OF_ACTION, LOG_OF_ACTOR, LOG_OF_KIND, LOG_OF_THING };
static const struct {
    enum err (*list)(struct cx *, const struct audit_list_in *, struct audit_list_row **, size_t *);
    enum err (*count)(struct cx *, const struct audit_count_in *, struct audit_count_row *, bool *);
} log_ways[] = {
    [LOG_ALL] = { audit_list, audit_count },
    [LOG_OF_ACTION] = { audit_list_of_action, audit_count_of_action },
    [LOG_OF_ACTOR] = { audit_list_of_actor, audit_count_of_actor },
    [LOG_OF_KIND] = { audit_list_of_kind, audit_count_of_kind },
    [LOG_OF_THING] = { audit_list_of_thing, audit_count_of_thing },
};

/* The one that is likely to have the fewest rows. */
static enum log_way log_way_of(const struct log_list_input *in)
{
    if (str_given(in->entity_id))
        return LOG_OF_THING;
    if (str_given(in->action))
        return LOG_OF_ACTION;
    if (str_given(in->entity_type))
        return LOG_OF_KIND;
    return str_given(in->actor_id) ? LOG_OF_ACTOR : LOG_ALL;
}

static bool log_is_mixed(const struct log_list_input *in)
{
    return str_given(in->entity_id) + str_given(in->action) + str_given(in->entity_type) +
               str_given(in->actor_id) >
           1;
}

static enum err log_count(struct cx *cx, const struct log_list_input *in, struct log_pagination *p)
{
    struct audit_count_in q = { .workspace_id = tenant(cx),
                                .from_at = in->from_ms,
                                .to_at = in->to_ms ? in->to_ms : INT64_MAX,
                                .action = in->action,
                                .actor_id = in->actor_id,
                                .entity_type = in->entity_type,
                                .entity_id = in->entity_id,
                                .scan = COUNT_MAX + 1 };
    struct audit_count_row row;
    bool found;
    TRY(log_ways[log_way_of(in)].count(cx, &q, &row, &found));
    p->total_is_lower_bound = row.looked > COUNT_MAX;
    p->total = row.fit > COUNT_MAX ? COUNT_MAX : row.fit;
    return OK;
}

static const struct page_list logs_list =
    PAGE_LIST("audit", struct audit_list_row, PAGE_KEY(struct audit_list_row, created_at),
              PAGE_KEY(struct audit_list_row, id));

/* The last row that a page looked at, when it did not look at all: there it goes on. */
static enum err log_edge(struct cx *cx, const struct log_list_input *in,
                         const struct audit_list_in *q, struct page_out *ret)
{
    enum log_way way = log_way_of(in);
    struct audit_list_in edge = *q;
    struct audit_list_row *rows;
    size_t count;
    edge.action = way == LOG_OF_ACTION ? q->action : STR_NULL;
    edge.actor_id = way == LOG_OF_ACTOR ? q->actor_id : STR_NULL;
    edge.entity_type = way == LOG_OF_KIND ? q->entity_type : STR_NULL;
    edge.entity_id = way == LOG_OF_THING ? q->entity_id : STR_NULL;
    edge.offset = q->scan - 1;
    edge.limit = 1;
    TRY(log_ways[way].list(cx, &edge, &rows, &count));
    if (count)
        page_go_on(cx, &logs_list, &in->page, rows, ret);
    return OK;
}

static enum err log_page(struct cx *cx, const struct log_list_input *in,
                         struct audit_list_row **ret_rows, size_t *ret_count, struct page_out *ret)
{
    struct audit_list_row from = { .created_at = INT64_MAX, .id = PAGE_LAST_ID };
    bool mixed = log_is_mixed(in);
    size_t found;
    TRY(page_begin(cx, &logs_list, &in->page, &from));
    if (in->to_ms && from.created_at > in->to_ms)
        from = (struct audit_list_row){ .created_at = in->to_ms + 1, .id = STR("") };
    struct audit_list_in q = { .workspace_id = tenant(cx),
                               .from_at = in->from_ms,
                               .before_at = from.created_at,
                               .before_id = from.id,
                               .action = in->action,
                               .actor_id = in->actor_id,
                               .entity_type = in->entity_type,
                               .entity_id = in->entity_id,
                               .scan = in->offset + in->page.limit + 1,
                               .limit = in->page.limit + 1,
                               .offset = in->offset };
    if (mixed)
        q.scan = in->offset ? COUNT_MAX : SCAN_MAX;
    TRY(log_ways[log_way_of(in)].list(cx, &q, ret_rows, &found));
    *ret_count = page_end(cx, &logs_list, &in->page, *ret_rows, found, ret);
    return mixed && !ret->has_more ? log_edge(cx, in, &q, ret) : OK;
}

static enum err log_list_run(struct cx *cx, const void *input, void *output)
{
    const struct log_list_input *in = input;
    struct log_list_output *out = output;
    struct audit_list_row *rows;
    size_t n;
    if (in->offset && str_given(in->page.cursor)) {
        cx_field_error(cx, STR("offset"), "cannot be given together with cursor");
        return cx_invalid(cx);
    }
    TRY(log_page(cx, in, &rows, &n, &out->pagination.page));
    TRY(log_count(cx, in, &out->pagination));
    TRY(since_load(cx, &out->since_ms));
    struct log_view *views = arena_array(cx->arena, n, sizeof *views);
    for (size_t i = 0; i < n; i++)
        views[i] = (struct log_view)LOG_VIEW_OF(cx, &rows[i]);
    out->logs = (struct span){ views, n };
    out->pagination.offset = in->offset;
    return OK;
}

/* ---- get_audit_entry ---- */

struct entry_input {
    struct str id;
};
struct entry_output {
    struct log_view entry;
};
static const struct field entry_input_fields[] = {
    { .name = "id",
      .type = FIELD_ID,
      .from = FROM_PATH,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct entry_input, id),
      .doc = "Id of the entry" },
    FIELD_END,
};
static const struct field entry_output_fields[] = {
    { .name = "entry",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct entry_output, entry),
      .fields = log_view_fields,
      .doc = "The entry" },
    FIELD_END,
};

static enum err entry_run(struct cx *cx, const void *input, void *output)
{
    const struct entry_input *in = input;
    struct entry_output *out = output;
    struct audit_get_in q = { .workspace_id = tenant(cx), .id = in->id };
    struct audit_get_row row;
    bool found;
    TRY(audit_get(cx, &q, &row, &found));
    if (!found)
        FAIL(cx, NOT_FOUND, "There is no such entry.");
    out->entry = (struct log_view)LOG_VIEW_OF(cx, &row);
    return OK;
}

/* ---- list_security_events ---- */

struct event_view {
    struct str id, type, severity, message, ip, metadata, hash;
    struct str actor; /* JSON */
    int64_t seq, created_at_ms, count;
    uint8_t seq_seen;
};
struct chain_view {
    int64_t last_seq, verified_ms, since_ms;
    uint8_t last_seq_seen;
    struct str last_checkpoint, first_break;
};
struct event_list_input {
    struct page_in page;
    struct str type, severity, user_id;
    int64_t from_ms, to_ms;
};
struct event_list_output {
    struct span events;
    struct chain_view chain;
    struct page_out pagination;
};

static const struct field event_view_fields[] = {
    TEXT_VIEW(event_view, "id", id, FIELD_REQUIRED, "Id of the event"),
    { .name = "seq",
      .type = FIELD_INT,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct event_view, seq),
      .seen = FIELD_SEEN(struct event_view, seq_seen),
      .doc = "Place in the chain; null until it is sealed" },
    TEXT_VIEW(event_view, "type", type, FIELD_REQUIRED,
              "What happened: AUTH_FAILED, ROLE_DENIED …"),
    { .name = "severity",
      .type = FIELD_ENUM,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct event_view, severity),
      .values = severities,
      .doc = "How much it matters" },
    TEXT_VIEW(event_view, "message", message, FIELD_NULLABLE, "In words"),
    { .name = "actor",
      .type = FIELD_JSON,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct event_view, actor),
      .doc = "Who: {kind, id, name}" },
    TEXT_VIEW(event_view, "ip", ip, FIELD_NULLABLE, "Address of the client"),
    { .name = "metadata",
      .type = FIELD_JSON,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct event_view, metadata),
      .doc = "Further facts" },
    { .name = "count",
      .type = FIELD_INT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct event_view, count),
      .doc = "How many equal events it stands for" },
    { .name = "createdAt",
      .type = FIELD_TIME,
      .flags = FIELD_REQUIRED | FIELD_NULLABLE,
      .offset = FIELD_AT(struct event_view, created_at_ms),
      .doc = "When it happened" },
    TEXT_VIEW(event_view, "hash", hash, FIELD_NULLABLE,
              "Hash in the chain, in hex; null until sealed"),
    FIELD_END,
};
static const struct field chain_view_fields[] = {
    { .name = "lastSeq",
      .type = FIELD_INT,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct chain_view, last_seq),
      .seen = FIELD_SEEN(struct chain_view, last_seq_seen),
      .doc = "Place of the last sealed entry" },
    { .name = "lastCheckpoint",
      .type = FIELD_JSON,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct chain_view, last_checkpoint),
      .doc = "The last signed checkpoint: {generation, number, seq, at}" },
    { .name = "firstBreak",
      .type = FIELD_JSON,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct chain_view, first_break),
      .doc = "The first place where the chain did not hold when it was last looked at: {seq, kind, "
             "id, message, foundAt}; id of the entry, when there is one" },
    { .name = "verifiedAt",
      .type = FIELD_TIME,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct chain_view, verified_ms),
      .doc = "All that stood in the chain then was last proved: each night, and by `opboxd log "
             "verify`; null: not yet" },
    { .name = "since",
      .type = FIELD_TIME,
      .flags = FIELD_NULLABLE,
      .offset = FIELD_AT(struct chain_view, since_ms),
      .doc = SINCE_DOC },
    FIELD_END,
};
static const struct field event_list_input_fields[] = {
    QUERY_TEXT(event_list_input, "type", type, 64, "Only events of this type"),
    { .name = "severity",
      .type = FIELD_ENUM,
      .from = FROM_QUERY,
      .offset = FIELD_AT(struct event_list_input, severity),
      .values = severities,
      .doc = "Only events of this severity" },
    QUERY_TEXT(event_list_input, "userId", user_id, 64, "Only events of this user"),
    QUERY_TIME(event_list_input, "from", from_ms, "Not before this time"),
    QUERY_TIME(event_list_input, "to", to_ms, "Not after this time"),
    FIELD_PAGE_IN(struct event_list_input),
    FIELD_END,
};
static const struct field event_list_output_fields[] = {
    { .name = "events",
      .type = FIELD_ARRAY,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct event_list_output, events),
      .fields = event_view_fields,
      .elem_size = sizeof(struct event_view),
      .doc = "Newest first" },
    { .name = "chain",
      .type = FIELD_OBJECT,
      .flags = FIELD_REQUIRED,
      .offset = FIELD_AT(struct event_list_output, chain),
      .fields = chain_view_fields,
      .doc = "State of the workspace's sealed chain" },
    FIELD_PAGE_OUT(struct event_list_output),
    FIELD_END,
};

static struct str actor_json(struct cx *cx, const struct audit_event_list_row *r)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, cx->arena, 8192);
    jw_init(&w, &b);
    jw_object(&w);
    jw_key_lit(&w, "kind");
    jw_str(&w, r->actor_kind);
    jw_key_lit(&w, "id");
    jw_str(&w, r->actor_id);
    jw_key_lit(&w, "name");
    jw_str(&w, r->actor_name);
    jw_object_end(&w);
    return buf_str(&b);
}

static struct event_view event_view_of(struct cx *cx, const struct audit_event_list_row *r)
{
    struct event_view v = { .id = r->id,
                            .type = str_given(r->type) ? r->type : STR("OTHER"),
                            .severity = r->severity,
                            .message = r->message,
                            .ip = r->remote_addr,
                            .metadata = r->metadata,
                            .actor = actor_json(cx, r),
                            .seq = r->seq.value,
                            .seq_seen = r->seq.given ? FIELD_GIVEN : FIELD_NULL,
                            .hash = hash_text(cx, r->hash),
                            .created_at_ms = r->created_at,
                            .count = r->count };
    return v;
}

/* {"generation":1,"number":7,"seq":12,"at":"…"}; absent: nothing is signed yet. */
static struct str checkpoint_json(struct cx *cx, const struct seal_chain_get_row *c)
{
    struct buf b;
    struct json_writer w;
    if (!c->signed_at.given)
        return STR_NULL;
    buf_init(&b, cx->arena, 1024);
    jw_init(&w, &b);
    jw_object(&w);
    jw_key_lit(&w, "generation");
    jw_i64(&w, c->generation);
    jw_key_lit(&w, "number");
    jw_i64(&w, c->number);
    jw_key_lit(&w, "seq");
    jw_i64(&w, c->signed_seq);
    jw_key_lit(&w, "at");
    jw_time(&w, c->signed_at.value);
    jw_object_end(&w);
    return buf_str(&b);
}

static enum err chain_view_fill(struct cx *cx, struct chain_view *ret)
{
    struct seal_chain_get_in in = { .workspace_id = tenant(cx) };
    struct seal_chain_get_row chain;
    bool found;
    TRY(since_load(cx, &ret->since_ms));
    TRY(seal_chain_get(cx, &in, &chain, &found));
    ret->last_seq_seen = found ? FIELD_GIVEN : FIELD_NULL;
    if (!found)
        return OK;
    ret->last_seq = chain.seq;
    ret->last_checkpoint = checkpoint_json(cx, &chain);
    ret->first_break = chain.broken;
    ret->verified_ms = chain.verified_at.value;
    return OK;
}

static const struct page_list events_list = PAGE_LIST(
    "events", struct audit_event_list_row, PAGE_KEY(struct audit_event_list_row, created_at),
    PAGE_KEY(struct audit_event_list_row, id));

/* Which filter leads. */
enum event_way { EVENT_ALL, EVENT_OF_TYPE, EVENT_OF_SEVERITY, EVENT_OF_ACTOR };
static enum err (*const event_ways[])(struct cx *, const struct audit_event_list_in *,
                                      struct audit_event_list_row **, size_t *) = {
    [EVENT_ALL] = audit_event_list,
    [EVENT_OF_TYPE] = audit_event_list_of_type,
    [EVENT_OF_SEVERITY] = audit_event_list_of_severity,
    [EVENT_OF_ACTOR] = audit_event_list_of_actor,
};

static enum event_way event_way_of(const struct event_list_input *in)
{
    if (str_given(in->user_id))
        return EVENT_OF_ACTOR;
    if (str_given(in->type))
        return EVENT_OF_TYPE;
    return str_given(in->severity) ? EVENT_OF_SEVERITY : EVENT_ALL;
}

/* As log_edge. */
static enum err event_edge(struct cx *cx, const struct event_list_input *in,
                           const struct audit_event_list_in *q, struct page_out *ret)
{
    enum event_way way = event_way_of(in);
    struct audit_event_list_in edge = *q;
    struct audit_event_list_row *rows;
    size_t count;
    edge.type = way == EVENT_OF_TYPE ? q->type : STR_NULL;
    edge.severity = way == EVENT_OF_SEVERITY ? q->severity : STR_NULL;
    edge.actor_id = way == EVENT_OF_ACTOR ? q->actor_id : STR_NULL;
    edge.offset = q->scan - 1;
    edge.limit = 1;
    TRY(event_ways[way](cx, &edge, &rows, &count));
    if (count)
        page_go_on(cx, &events_list, &in->page, rows, ret);
    return OK;
}

static enum err event_page(struct cx *cx, const struct event_list_input *in,
                           struct audit_event_list_row **ret_rows, size_t *ret_count,
                           struct page_out *ret)
{
    struct audit_event_list_row from = { .created_at = INT64_MAX, .id = PAGE_LAST_ID };
    bool mixed = str_given(in->type) + str_given(in->severity) + str_given(in->user_id) > 1;
    size_t found;
    TRY(page_begin(cx, &events_list, &in->page, &from));
    if (in->to_ms && from.created_at > in->to_ms)
        from = (struct audit_event_list_row){ .created_at = in->to_ms + 1, .id = STR("") };
    struct audit_event_list_in q = { .workspace_id = tenant(cx),
                                     .from_at = in->from_ms,
                                     .before_at = from.created_at,
                                     .before_id = from.id,
                                     .type = in->type,
                                     .severity = in->severity,
                                     .actor_id = in->user_id,
                                     .scan = mixed ? SCAN_MAX : in->page.limit + 1,
                                     .limit = in->page.limit + 1 };
    TRY(event_ways[event_way_of(in)](cx, &q, ret_rows, &found));
    *ret_count = page_end(cx, &events_list, &in->page, *ret_rows, found, ret);
    return mixed && !ret->has_more ? event_edge(cx, in, &q, ret) : OK;
}

static enum err event_list_run(struct cx *cx, const void *input, void *output)
{
    const struct event_list_input *in = input;
    struct event_list_output *out = output;
    struct audit_event_list_row *rows;
    size_t n;
    TRY(event_page(cx, in, &rows, &n, &out->pagination));
    TRY(chain_view_fill(cx, &out->chain));
    struct event_view *views = arena_array(cx->arena, n, sizeof *views);
    for (size_t i = 0; i < n; i++)
        views[i] = event_view_of(cx, &rows[i]);
    out->events = (struct span){ views, n };
    return OK;
}

/* ---- rows ---- */

static const struct op_tool log_tool = {
    .level = 0,
    .doc = "Who did what in the workspace, newest first: operation, actor, thing, outcome. Filter "
           "by action, actorId, entityType, entityId, from, to.",
};
static const struct op_tool event_tool = {
    .level = 0,
    .doc = "Security events of the workspace, newest first: refusals, changed keys, blocked calls. "
           "Filter by type, severity, userId, from, to. Needs the role OWNER.",
};

const struct op audit_ops[] = {
    { .name = "list_audit_logs",
      .kind = OP_JSON,
      .http = "GET /api/audit",
      .category = "system",
      .auth = AUTH_SESSION,
      .roles = ROLES_ADMIN_UP,
      .tx = TX_READ,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .tool = &log_tool,
      .in = log_list_input_fields,
      .in_size = sizeof(struct log_list_input),
      .out = log_list_output_fields,
      .out_size = sizeof(struct log_list_output),
      .run = log_list_run,
      .summary = "List the audit trail",
      .doc = "Every change of the workspace's data, with who made it, newest first, and its "
             "security events. total is exact up to 10,000; beyond, totalIsLowerBound is true. "
             "Page with cursor; offset reaches 10,000 entries. With several filters a page may be "
             "short, or empty, though hasMore is true: it goes on at nextCursor; and total is of "
             "the newest 10,000 entries that the narrowest filter leaves." },
    { .name = "get_audit_entry",
      .kind = OP_JSON,
      .http = "GET /api/audit/{id}",
      .category = "system",
      .auth = AUTH_SESSION,
      .roles = ROLES_ADMIN_UP,
      .tx = TX_READ,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .in = entry_input_fields,
      .in_size = sizeof(struct entry_input),
      .out = entry_output_fields,
      .out_size = sizeof(struct entry_output),
      .run = entry_run,
      .summary = "Read one entry of the audit trail",
      .doc = "A deed or security event with its place and hash in the sealed chain." },
    { .name = "list_security_events",
      .kind = OP_JSON,
      .http = "GET /api/admin/security-events",
      .category = "system",
      .auth = AUTH_SESSION,
      .roles = ROLES_OWNER,
      .tx = TX_READ,
      .lane = LANE_WORKER,
      .rate = RATE_READ,
      .effect = EFFECT_READ,
      .tool = &event_tool,
      .in = event_list_input_fields,
      .in_size = sizeof(struct event_list_input),
      .out = event_list_output_fields,
      .out_size = sizeof(struct event_list_output),
      .run = event_list_run,
      .summary = "List security events",
      .doc = "Security events of the workspace, newest first: failed sign-ins, refused roles and "
             "tokens, exceeded rates, changed keys. Equal refusals of a minute are one event with "
             "a count. chain says how far the log is sealed. With several filters a page may be "
             "short, or empty, though hasMore is true: it goes on at nextCursor." },
};
const size_t audit_ops_count = sizeof audit_ops / sizeof *audit_ops;
