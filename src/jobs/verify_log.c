/* Each night the whole log is verified, so that what was changed behind the server is known without
 * anybody asking: the events' answer and the console say when it was last proved.
 *
 * Goals: one thread, in short reads; ends with the server, and begins anew at the next one. */
#include "audit/verify.h"
#include "base/app.h"
#include "base/log.h"
#include "jobs/jobs.h"

static enum err verify_log_run(struct cx *cx, const struct job *job)
{
    struct verify_report r;
    if (!cx->app->seal)
        return OK;
    TRY(seal_verify_keep(cx, &(struct verify_options){ .threads = 1, .stop = job->lost }, &r));
    log_line(r.breaks_count ? LOG_ERROR : LOG_INFO,
             r.breaks_count ? "the log of deeds was changed: opboxd log verify says where"
                            : "the log of deeds was verified",
             log_i("events", r.events), log_i("chains", r.chains),
             log_i("breaks", (int64_t)r.breaks_count), log_i("duration_ms", r.duration_us / 1000));
    return OK;
}

const struct job_kind job_verify_log_kind = { .name = "verify_log",
                                              .run = verify_log_run,
                                              .lease_s = 120,
                                              .slow = true,
                                              .every_s = 24 * 60 * 60 };
