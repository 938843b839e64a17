/* See names.h. */
#include "net/names.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool held;
static const struct name *known;

typedef int (*getaddrinfo_fn)(const char *, const char *, const struct addrinfo *,
                              struct addrinfo **);

void names_set(const struct name *names)
{
    pthread_mutex_lock(&lock);
    known = names;
    pthread_mutex_unlock(&lock);
}

static void hold(bool on)
{
    pthread_mutex_lock(&lock);
    held = on;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void names_release_slow(void)
{
    hold(false);
}

void names_hold_slow(void)
{
    hold(true);
}

static const struct name *find(const char *name)
{
    const struct name *n;
    pthread_mutex_lock(&lock);
    while (strcmp(name, "slow.test") == 0 && held)
        pthread_cond_wait(&changed, &lock);
    for (n = known; n && n->name && strcmp(n->name, name) != 0; n++)
        ;
    pthread_mutex_unlock(&lock);
    return n && n->name ? n : NULL;
}

/* The system's own entry for an address in text, so that freeaddrinfo fits; one after the other. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    getaddrinfo_fn real;
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    const struct name *n = name ? find(name) : NULL;
    struct addrinfo **tail = ret;
    if (!n)
        return name && strstr(name, ".test") ? EAI_NONAME : real(name, service, hints, ret);
    *ret = NULL;
    for (int i = 0; i < 4 && n->addresses[i]; i++) {
        if (real(n->addresses[i], service, hints, tail) == 0)
            while (*tail)
                tail = &(*tail)->ai_next;
    }
    return *ret ? 0 : EAI_NONAME;
}
