/* See probe.h. */
#include "net/probe.h"

#include <stdio.h>
#include <stdlib.h>

enum { LOOPS = 2, BODY_BYTES_MAX = 256 * 1024 * 1024 };

int world_open(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w)
        abort();
    w->loops = loops_start(LOOPS);
    w->fetcher = fetcher_new(w->loops, &(struct fetcher_options){ 0 });
    *state = w;
    return 0;
}

int world_close(void **state)
{
    struct world *w = *state;
    fetcher_free(w->fetcher);
    loops_stop(w->loops);
    free(w);
    return 0;
}

static void on_head(void *arg, int status, const struct fetch_header *headers, size_t count)
{
    struct probe *p = arg;
    pthread_mutex_lock(&p->lock);
    p->status = status;
    p->heads++;
    for (size_t i = 0; i < count; i++) {
        buf_put_str(&p->head, headers[i].name);
        buf_put_byte(&p->head, '\n');
        buf_put_str(&p->head, headers[i].value);
        buf_put_byte(&p->head, '\n');
    }
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    if (p->in_head)
        p->in_head(p);
}

static bool on_body(void *arg, struct str bytes)
{
    struct probe *p = arg;
    pthread_mutex_lock(&p->lock);
    buf_put_str(&p->body, bytes);
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return p->in_body ? p->in_body(p, bytes) : true;
}

static void on_done(void *arg, const struct fetch_result *r)
{
    struct probe *p = arg;
    if (p->in_done)
        p->in_done(p);
    pthread_mutex_lock(&p->lock);
    p->fetch = NULL;
    p->result = *r;
    p->dones++;
    p->done = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static const struct fetch_events events = { on_head, on_body, on_done };

void probe_init(struct probe *p, struct world *w, const char *format, ...)
{
    va_list ap;
    *p = (struct probe){ .fetcher = w->fetcher, .loop = loops_at(w->loops, 0) };
    va_start(ap, format);
    vsnprintf(p->url, sizeof p->url, format, ap);
    va_end(ap);
    p->rq.method = "GET";
    p->rq.url = str_of(p->url);
    buf_init(&p->head, NULL, (size_t)1024 * 1024);
    buf_init(&p->body, NULL, BODY_BYTES_MAX);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
}

void probe_start_here(struct probe *p)
{
    p->fetch = fetch_start(p->fetcher, p->loop, &p->rq, &events, p);
}

static void on_start(struct loop_msg *m)
{
    probe_start_here((struct probe *)((char *)m - offsetof(struct probe, start)));
}

void probe_start(struct probe *p)
{
    p->start.fn = on_start;
    loop_post(p->loop, &p->start);
}

static void on_act(struct loop_msg *m)
{
    struct probe *p = (struct probe *)((char *)m - offsetof(struct probe, act));
    p->action(p);
    pthread_mutex_lock(&p->lock);
    p->acted = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

void probe_act(struct probe *p, void (*action)(struct probe *p))
{
    p->action = action;
    p->acted = false;
    p->act.fn = on_act;
    loop_post(p->loop, &p->act);
    pthread_mutex_lock(&p->lock);
    while (!p->acted)
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

static void cancel(struct probe *p)
{
    if (p->fetch)
        fetch_cancel(p->fetch);
}

void probe_cancel(struct probe *p)
{
    probe_act(p, cancel);
}

void probe_wait_body(struct probe *p, size_t len)
{
    pthread_mutex_lock(&p->lock);
    while (p->body.len < len && !p->done)
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

void probe_wait(struct probe *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->done)
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

void probe_run(struct probe *p)
{
    probe_start(p);
    probe_wait(p);
}

void probe_release(struct probe *p)
{
    buf_release(&p->head);
    buf_release(&p->body);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
}
