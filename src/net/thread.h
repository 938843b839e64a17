/* Threads of the program: named, with a stated stack, deaf to signals (main takes them). Private to
 * net/. */
#ifndef NET_THREAD_H
#define NET_THREAD_H

#include <pthread.h>
#include <stddef.h>

#define THREAD_STACK_BYTES ((size_t)256 * 1024)

/* Aborts when the system gives no thread. Sanitizers get a larger stack. */
void thread_start(pthread_t *ret, const char *name, size_t stack_bytes, void *(*fn)(void *),
                  void *arg);

#endif
