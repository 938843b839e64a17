/* opboxd serve: opens everything, serves until a signal, drains, closes.
 *
 * Goals: ready only when every part is; a clear sentence and exit 1 when something is wrong; exit 0
 * within ten seconds of SIGTERM. Invariant: signals are blocked in every thread and taken here, one
 * after the other. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "chat/chat.h"
#include "cli/cli.h"
#include "cli/node.h"
#include "cli/program.h"
#include "cli/serve.h"
#include "cli/service.h"
#include "http/http.h"
#include "jobs/jobs.h"
#include "net/fetch.h"
#include "net/guard.h"
#include "net/loop.h"
#include "net/pulse.h"
#include "op/metrics.h"
#include "run/run.h"

enum { LOOPS_MAX = 8, RUNS_STOP_MS = 1500 };

static void raise_file_limit(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return;
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
}

static void block_signals(sigset_t *ret)
{
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(ret);
    sigaddset(ret, SIGTERM);
    sigaddset(ret, SIGINT);
    sigaddset(ret, SIGHUP);
    pthread_sigmask(SIG_BLOCK, ret, NULL);
}

static void http_gauges(struct buf *out, void *arg)
{
    struct http_stats s;
    http_server_stats(arg, &s);
    buf_printf(
        out,
        "# TYPE opboxd_connections gauge\nopboxd_connections %lld\n"
        "# TYPE opboxd_connections_total counter\nopboxd_connections_total %lld\n"
        "# TYPE opboxd_http_requests_total counter\nopboxd_http_requests_total %lld\n"
        "# TYPE opboxd_http_refused_heads_total counter\nopboxd_http_refused_heads_total %lld\n"
        "# TYPE opboxd_received_bytes_total counter\nopboxd_received_bytes_total %lld\n"
        "# TYPE opboxd_sent_bytes_total counter\nopboxd_sent_bytes_total %lld\n",
        (long long)s.connections_open, (long long)s.connections_total, (long long)s.requests_total,
        (long long)s.refused_head, (long long)s.bytes_in, (long long)s.bytes_out);
}

/* ---- start ---- */

static bool fetcher_start(struct program *p, char *error, size_t size)
{
    const struct config *c = p->config;
    struct guard_list allowed;
    struct str bad;
    if (!guard_list_parse(c->outbound_allow, &allowed, &bad)) {
        snprintf(error, size, "--outbound-allow: %.*s is no network, or one too many (%d)",
                 STR_ARG(bad), GUARD_NETWORKS_MAX);
        return false;
    }
    p->app.fetcher =
        fetcher_new(p->app.loops, &(struct fetcher_options){ .outbound_allow = c->outbound_allow,
                                                             .ca_file = c->outbound_ca_file });
    metrics_add_source(p->app.metrics, fetcher_metrics, p->app.fetcher);
    return true;
}

static bool runs_begin(struct program *p, char *error, size_t size)
{
    static const struct run_kind *const kinds[] = { &chat_run_kind };
    p->app.llm = llm_new();
    p->app.runs = runs_new(&p->app, kinds, sizeof kinds / sizeof *kinds);
    metrics_add_source(p->app.metrics, runs_metrics, p->app.runs);
    if (runs_start(p->app.runs) == OK)
        return true;
    snprintf(error, size,
             "what an earlier process left open could not be repaired; the log says why");
    return false;
}

static bool start(struct program *p, char *error, size_t size)
{
    const struct config *c = p->config;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int loops = c->workers ? (int)c->workers : (int)(cores > 0 ? cores : 1);
    char control[1024];
    data_path(c, "control.sock", control, sizeof control);
    p->app.loops = loops_start(loops > LOOPS_MAX ? LOOPS_MAX : loops);
    if (!fetcher_start(p, error, size) || !runs_begin(p, error, size))
        return false;
    struct http_options o = { .listen = c->listen,
                              .metrics_listen = c->metrics_listen,
                              .control_path = str_of(control),
                              .public_url = c->public_url,
                              .connections_max = c->connections_max,
                              .header_timeout_s = c->header_timeout_s,
                              .body_timeout_s = c->body_timeout_s,
                              .idle_timeout_s = c->idle_timeout_s,
                              .write_timeout_s = c->write_timeout_s,
                              .trusted_proxies = c->trusted_proxies,
                              .cors_origins = c->cors_origins };
    if (strlen(control) >= sizeof((struct sockaddr_un *)0)->sun_path) {
        snprintf(error, size, "the path %s is too long for a socket; choose a shorter --data",
                 control);
        return false;
    }
    if (http_server_start(&p->app, &o, &p->http, error, size) != OK)
        return false;
    metrics_add_source(p->app.metrics, http_gauges, p->http);
    job_runner_start(p->app.jobs);
    return true;
}

static void stop(struct program *p)
{
    if (p->http)
        http_server_drain(p->http, p->config->drain_timeout_s * 1000);
    runs_stop(p->app.runs, RUNS_STOP_MS);
    if (p->app.jobs)
        job_runner_stop(p->app.jobs);
    fetcher_stop(p->app.fetcher);
    loops_stop(p->app.loops);
    runs_free(p->app.runs);
    llm_free(p->app.llm);
    p->app.runs = NULL;
    p->app.llm = NULL;
    p->app.loops = NULL;
    http_server_free(p->http);
    p->http = NULL;
}

/* The configuration once more, with the same arguments: what is marked RELOAD takes effect. */
static void reload(struct program *p, const struct serve_args *args)
{
    struct config *next;
    char error[1000];
    enum log_level level = LOG_INFO;
    struct str bad;
    int rest, argc = 0;
    char **argv = calloc((size_t)args->argc + 1, sizeof *argv);
    if (!argv)
        abort();
    for (; argc < args->argc; argc++)
        argv[argc] = args->argv[argc];
    if (!config_load(argc, argv, 0, &rest, &next, error, sizeof error)) {
        log_line(LOG_ERROR, "the configuration was not reloaded", log_s("error", str_of(error)));
    } else {
        log_level_parse(next->log_level, &level);
        log_set_level(level);
        http_server_reload(p->http, next->trusted_proxies, next->cors_origins);
        if (!fetcher_reload(p->app.fetcher, next->outbound_allow, &bad))
            log_line(LOG_ERROR, "--outbound-allow was not reloaded", log_s("no network", bad));
        config_free(next);
        log_line(LOG_INFO, "configuration reloaded");
    }
    free(argv);
}

/* The service manager's watchdog is fed twice as often as it asks, for as long as every loop
 * turns. */
struct watchdog {
    struct pulse *pulse;
    int64_t period_us, due_us; /* period 0: nobody asks */
};

static void watchdog_feed(struct watchdog *w)
{
    if (pulse_felt(w->pulse))
        service_tell("WATCHDOG=1\n");
    else
        log_line(LOG_ERROR, "a loop does not turn; the service manager is not told otherwise");
}

static int wait_for_signal(const sigset_t *signals, struct watchdog *w)
{
    int which = -1;
    while (which < 0 && w->period_us) {
        int64_t wait_us = w->due_us - clock_monotonic_us();
        if (wait_us <= 0) {
            watchdog_feed(w);
            wait_us = w->period_us;
            w->due_us = clock_monotonic_us() + wait_us;
        }
        const struct timespec t = { wait_us / 1000000, wait_us % 1000000 * 1000 };
        which = sigtimedwait(signals, NULL, &t);
    }
    while (which < 0)
        which = sigwaitinfo(signals, NULL);
    return which;
}

/* Gives the pulse, which outlives the loops. */
static struct pulse *wait_for_end(struct program *p, const sigset_t *signals,
                                  const struct serve_args *args)
{
    struct watchdog w = { pulse_new(p->app.loops), service_watchdog_us() / 2, 0 };
    int which = 0;
    while (which != SIGTERM && which != SIGINT) {
        which = wait_for_signal(signals, &w);
        if (which != SIGHUP)
            continue;
        service_tell_reloading();
        reload(p, args);
        service_tell("READY=1\n");
    }
    log_line(LOG_INFO, "stopping",
             log_s("signal", str_of(which == SIGTERM ? "SIGTERM" : "SIGINT")));
    return w.pulse;
}

int serve_until_signal(struct config *config, const struct serve_args *args)
{
    char error[4000] = "";
    struct program *p;
    sigset_t signals;
    int64_t begin_us = clock_monotonic_us();
    struct str listen = config->listen;
    block_signals(&signals);
    raise_file_limit();
    if (!program_open(config, PROGRAM_SERVER, &p, error, sizeof error))
        return cli_fail("%s", error);
    /* Before a run can begin: others take what a stranger runs for lost. */
    struct str address = p->config->node_address;
    struct node *node = node_join(&p->app, address.len ? address : listen);
    if (!node || !start(p, error, sizeof error)) {
        stop(p);
        node_leave(node);
        program_close(p);
        return cli_fail("%s",
                        error[0] ? error : "this process could not be entered in the database");
    }
    log_line(LOG_INFO, "ready", log_s("listen", listen), log_i("port", http_server_port(p->http)),
             log_s("version", STR(OPBOXD_VERSION)),
             log_i("ms", (clock_monotonic_us() - begin_us) / 1000));
    service_tell("READY=1\nSTATUS=Serving on %.*s\n", STR_ARG(listen));
    if (args->on_ready)
        args->on_ready(p, args->arg);
    struct pulse *pulse = wait_for_end(p, &signals, args);
    service_tell("STOPPING=1\nSTATUS=Waiting for open requests\n");
    atomic_store(&p->stopping, true);
    stop(p);
    pulse_free(pulse);
    node_leave(node);
    program_close(p);
    log_line(LOG_INFO, "stopped");
    return EXIT_OK;
}

int cmd_serve(struct cli_args *a)
{
    if (!cli_done(a))
        return EXIT_USAGE;
    return serve_until_signal(a->config,
                              &(struct serve_args){ .argc = a->flags_argc, .argv = a->flags_argv });
}
