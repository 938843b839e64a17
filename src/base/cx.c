/* Goals: raising and collecting failures, so that the client's text and the log's text never mix.
 * Non-goals: deciding what a failure looks like on the wire (http and mcp do that), logging it.
 *
 * Invariants: a failure that was raised later replaces the earlier one whole; field errors are
 * collected without raising anything until cx_invalid. All text lies in the arena of the cx. */
#include "base/cx.h"

#include <assert.h>

void cx_clear_failure(struct cx *cx)
{
    cx->failure = (struct failure){ .code = OK };
}

enum err cx_fail(struct cx *cx, enum err code, const char *fmt, ...)
{
    assert(code > OK && code < ERR_COUNT);
    va_list ap;
    va_start(ap, fmt);
    struct str message = str_vfmt(cx->arena, fmt, ap);
    va_end(ap);
    cx->failure = (struct failure){ .code = code, .message = message };
    return code;
}

enum err cx_fault(struct cx *cx, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct str detail = str_vfmt(cx->arena, fmt, ap);
    va_end(ap);
    struct str message = STR("The server failed.");
    if (!str_empty(cx->request_id))
        message = str_fmt(cx->arena, "The server failed; its log has the reason under %.*s.",
                          STR_ARG(cx->request_id));
    cx->failure =
        (struct failure){ .code = ERR_INTERNAL, .message = message, .log_detail = detail };
    return ERR_INTERNAL;
}

void cx_log_detail(struct cx *cx, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct str detail = str_vfmt(cx->arena, fmt, ap);
    va_end(ap);
    if (str_given(cx->failure.log_detail))
        detail = str_fmt(cx->arena, "%.*s; %.*s", STR_ARG(cx->failure.log_detail), STR_ARG(detail));
    cx->failure.log_detail = detail;
}

void cx_details(struct cx *cx, struct str json_object)
{
    cx->failure.details_json = str_copy(cx->arena, json_object);
}

void cx_field_error(struct cx *cx, struct str field, const char *fmt, ...)
{
    struct field_error *e = arena_new_of(cx->arena, struct field_error);
    va_list ap;
    va_start(ap, fmt);
    e->message = str_vfmt(cx->arena, fmt, ap);
    va_end(ap);
    e->field = str_copy(cx->arena, field);
    e->next = cx->failure.fields;
    cx->failure.fields = e;
}

bool cx_has_field_errors(const struct cx *cx)
{
    return cx->failure.fields != NULL;
}

enum err cx_invalid(struct cx *cx)
{
    struct field_error *fields = cx->failure.fields;
    assert(fields);
    size_t more = 0;
    struct field_error *first = fields;
    for (; first->next; first = first->next)
        more++;
    struct str message =
        str_fmt(cx->arena, "%.*s: %.*s", STR_ARG(first->field), STR_ARG(first->message));
    if (more)
        message = str_fmt(cx->arena, "%.*s (and %zu more)", STR_ARG(message), more);
    cx->failure = (struct failure){ .code = ERR_VALIDATION, .message = message, .fields = fields };
    return ERR_VALIDATION;
}

static const char *const role_names[] = { "NONE", "VIEWER", "MEMBER", "ADMIN", "OWNER" };

const char *role_name(enum role r)
{
    unsigned at = (unsigned)r;
    return at < sizeof role_names / sizeof *role_names ? role_names[at] : "NONE";
}

bool role_parse(struct str s, enum role *ret)
{
    for (unsigned i = ROLE_VIEWER; i <= ROLE_OWNER; i++) {
        if (str_is(s, role_names[i])) {
            *ret = (enum role)i;
            return true;
        }
    }
    return false;
}

const char *principal_kind_name(enum principal_kind k)
{
    static const char *const names[] = { "NONE", "ANONYMOUS", "USER",  "AGENT_KEY",
                                         "CRON", "OPERATOR",  "SYSTEM" };
    unsigned at = (unsigned)k;
    return at < sizeof names / sizeof *names ? names[at] : "NONE";
}
