/* The operator's sink of checkpoints when it is a URL: each checkpoint is a job, added in the
 * transaction that makes it, and POSTed until the URL answers 2xx. */
#ifndef CLI_LOG_SINK_H
#define CLI_LOG_SINK_H

#include "base/config.h"
#include "jobs/jobs.h"

/* False, with a sentence: the setting is none of file:/path, syslog, https://… */
bool log_sink_valid(const struct config *c, char *error, size_t size);
/* For struct seal_options. */
enum err log_sink_on_checkpoint(struct cx *cx, int64_t generation, int64_t number);
extern const struct job_kind log_sink_kind;

#endif
