/* See log_sink.h. The URL is the operator's own setting: it may lead anywhere, and no tenant has a
 * say in it. A checkpoint that the URL has twice is the same line. */
#include "cli/log_sink.h"

#include <stdio.h>

#include "audit/audit_sql.h"
#include "base/app.h"
#include "base/json.h"
#include "net/fetch.h"

enum { TIMEOUT_MS = 30000, ANSWER_BYTES_MAX = 64 * 1024 };

static bool is_url(struct str sink)
{
    return str_starts(sink, STR("https://")) || str_starts(sink, STR("http://127.0.0.1")) ||
           str_starts(sink, STR("http://[::1]"));
}

bool log_sink_valid(const struct config *c, char *error, size_t size)
{
    struct str s = c->log_sink;
    if (s.len == 0 || is_url(s) || str_is(s, "syslog") ||
        (str_starts(s, STR("file:/")) && s.len > 6 && s.len < 1000))
        return true;
    snprintf(error, size,
             "--log-sink is none of file:/path, syslog, and an https:// URL (http:// only to this "
             "machine)");
    return false;
}

enum err log_sink_on_checkpoint(struct cx *cx, int64_t generation, int64_t number)
{
    if (!cx->app->config || !is_url(cx->app->config->log_sink))
        return OK;
    struct job_new j = { .kind = log_sink_kind.name,
                         .payload = str_fmt(cx->arena, "{\"generation\":%lld,\"number\":%lld}",
                                            (long long)generation, (long long)number),
                         .id = str_fmt(cx->arena, "log-sink-%lld-%lld", (long long)generation,
                                       (long long)number),
                         .attempts_max = log_sink_kind.attempts_max };
    return job_add(cx, &j, NULL);
}

struct wanted {
    struct seal_checkpoint_get_in in;
    struct seal_checkpoint_get_row row;
    bool found;
};

static enum err checkpoint_read_one(struct cx *cx, void *arg)
{
    struct wanted *w = arg;
    return seal_checkpoint_get(cx, &w->in, &w->row, &w->found);
}

static enum err sink_run(struct cx *cx, const struct job *job)
{
    struct json j;
    struct json_fault fault;
    struct wanted w = { 0 };
    if (json_parse(cx->arena, job->payload, NULL, &j, &fault) != OK ||
        !json_to_i64(json_get(&j, "generation"), &w.in.generation) ||
        !json_to_i64(json_get(&j, "number"), &w.in.number))
        return cx_fault(cx, "the job's payload is not its own");
    TRY(db_read(cx, checkpoint_read_one, &w));
    if (!w.found || !is_url(cx->app->config->log_sink))
        return OK; /* a restore has taken it away, or the operator the sink */
    const struct fetch_header headers[] = { { STR("content-type"), STR("application/json") } };
    struct fetch_request rq = { .method = "POST",
                                .url = cx->app->config->log_sink,
                                .headers = headers,
                                .header_count = 1,
                                .body = w.row.text,
                                .total_timeout_ms = TIMEOUT_MS,
                                .body_bytes_max = ANSWER_BYTES_MAX };
    struct fetch_answer answer;
    fetch_wait(cx, &rq, &answer);
    if (answer.result.end != FETCH_WHOLE)
        FAIL(cx, UPSTREAM, "The sink of checkpoints was not reached: %s.", answer.result.sentence);
    if (answer.result.status < 200 || answer.result.status > 299)
        FAIL(cx, UPSTREAM, "The sink of checkpoints answered %d.", answer.result.status);
    return OK;
}

/* Back-off reaches an hour: forty attempts are a day and a half of an unreachable sink. */
const struct job_kind log_sink_kind = {
    .name = "log-sink", .run = sink_run, .lease_s = 60, .attempts_max = 40, .slow = true
};
