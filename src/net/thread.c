/* See thread.h. */
#include "net/thread.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZER_STACK_FACTOR = 8 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { SANITIZER_STACK_FACTOR = 8 };
#else
enum { SANITIZER_STACK_FACTOR = 1 };
#endif
#else
enum { SANITIZER_STACK_FACTOR = 1 };
#endif

void thread_start(pthread_t *ret, const char *name, size_t stack_bytes, void *(*fn)(void *),
                  void *arg)
{
    pthread_attr_t attr;
    sigset_t all, before;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, stack_bytes * SANITIZER_STACK_FACTOR);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(ret, &attr, fn, arg) != 0)
        abort();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    char title[16]; /* the kernel's limit */
    snprintf(title, sizeof title, "%s", name);
    pthread_setname_np(*ret, title);
}
