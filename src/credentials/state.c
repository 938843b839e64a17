/* See state.h. Bounded: 64 lists of at most 64 KiB; the oldest goes. */
#include "credentials/state.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/app.h"

struct list {
    char *key, *text;
    size_t text_len;
    int64_t since_ms;
};

struct credentials {
    probe_fetch fetch;
    pthread_mutex_t lock;
    struct list lists[MODELS_LISTS_MAX];
};

struct credentials *credentials_new(probe_fetch fetch)
{
    struct credentials *c = calloc(1, sizeof *c);
    if (!c || pthread_mutex_init(&c->lock, NULL) != 0)
        abort();
    c->fetch = fetch;
    return c;
}

void credentials_release(struct credentials *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < MODELS_LISTS_MAX; i++) {
        free(c->lists[i].key);
        free(c->lists[i].text);
    }
    pthread_mutex_destroy(&c->lock);
    free(c);
}

probe_fetch credentials_fetch(const struct app *app)
{
    assert(app->credentials);
    return app->credentials->fetch;
}

static struct list *list_find(struct credentials *c, struct str key)
{
    for (size_t i = 0; i < MODELS_LISTS_MAX; i++)
        if (c->lists[i].key && str_is(key, c->lists[i].key))
            return &c->lists[i];
    return NULL;
}

bool models_recall(struct credentials *c, struct arena *a, struct str key, int64_t now_ms,
                   struct str *ret_text, int64_t *ret_since_ms)
{
    pthread_mutex_lock(&c->lock);
    const struct list *l = list_find(c, key);
    bool fresh = l && now_ms >= l->since_ms && now_ms - l->since_ms < MODELS_KEPT_MS;
    if (fresh) {
        *ret_text = str_copy(a, (struct str){ l->text, l->text_len });
        *ret_since_ms = l->since_ms;
    }
    pthread_mutex_unlock(&c->lock);
    return fresh;
}

static char *copy(struct str s)
{
    char *p = malloc(s.len + 1);
    if (!p)
        abort();
    if (s.len)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return p;
}

void models_keep(struct credentials *c, struct str key, int64_t now_ms, struct str text)
{
    if (text.len > MODELS_TEXT_BYTES_MAX)
        return;
    pthread_mutex_lock(&c->lock);
    struct list *l = list_find(c, key);
    for (size_t i = 0; !l && i < MODELS_LISTS_MAX; i++)
        if (!c->lists[i].key)
            l = &c->lists[i];
    if (!l) {
        l = &c->lists[0];
        for (size_t i = 1; i < MODELS_LISTS_MAX; i++)
            if (c->lists[i].since_ms < l->since_ms)
                l = &c->lists[i];
    }
    free(l->key);
    free(l->text);
    *l = (struct list){ copy(key), copy(text), text.len, now_ms };
    pthread_mutex_unlock(&c->lock);
}
