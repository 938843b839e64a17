/* kill -9 in the middle of writing: whatever the child had acknowledged before it died is there
 * afterwards, and nothing is there by half. */
#include "../unit/db/fixture.h"

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUNDS 12
#define THREADS 8
#define PAIR 3 /* rows of one write */

struct child_thread {
    pthread_t thread;
    struct fixture *f;
    int round, number, pipe;
};

static void *child_write(void *arg)
{
    struct child_thread *t = arg;
    struct cx *cx = fixture_cx_new(t->f);
    for (int i = 0;; i++) {
        struct item it = { .n = 1, .repeat = PAIR };
        snprintf(it.id, sizeof it.id, "k%d-%d-%d", t->round, t->number, i);
        if (db_write(cx, item_insert, &it) != OK)
            continue;
        char line[33] = { 0 };
        snprintf(line, sizeof line, "%-31s\n", it.id);
        if (write(t->pipe, line, 32) != 32) /* 32 bytes go into a pipe whole */
            _exit(1);
    }
    return NULL;
}

static void child_run(struct fixture *f, int round, int pipe_fd)
{
    struct child_thread threads[THREADS];
    fixture_open(f, NULL, NULL, NULL);
    for (int i = 0; i < THREADS; i++) {
        threads[i] = (struct child_thread){ .f = f, .round = round, .number = i, .pipe = pipe_fd };
        if (pthread_create(&threads[i].thread, NULL, child_write, &threads[i]) != 0)
            _exit(1);
    }
    for (;;)
        pause();
}

/* Reads what the child acknowledges, kills it after `count` of them, reads the rest. */
static size_t child_watch(pid_t pid, int fd, size_t count, char (*ids)[32], size_t max)
{
    FILE *in = fdopen(fd, "r");
    char line[64];
    size_t n = 0;
    while (n < max && fgets(line, sizeof line, in)) {
        snprintf(ids[n], sizeof ids[n], "%.*s", (int)strcspn(line, " \n"), line);
        if (++n == count)
            kill(pid, SIGKILL);
    }
    fclose(in);
    kill(pid, SIGKILL);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    return n;
}

static void round_run(struct fixture *f, int round)
{
    enum { IDS_MAX = 5000 };
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        child_run(f, round, fds[1]);
    }
    close(fds[1]);
    char(*ids)[32] = calloc(IDS_MAX, sizeof *ids);
    size_t n = child_watch(pid, fds[0], (size_t)(1 + round * 37), ids, IDS_MAX);
    assert_true(n > (size_t)(round * 37));
    fixture_open(f, NULL, NULL, NULL);
    for (size_t i = 0; i < n; i++)
        if (!fixture_present(f, ids[i]))
            fail_msg("round %d: %s was acknowledged and is lost", round, ids[i]);
    assert_int_equal(fixture_count(f) % PAIR, 0);
    assert_true(fixture_sound(f));
    fixture_close(f);
    free(ids);
}

static void kill_rounds(enum db_engine engine)
{
    struct fixture f;
    if (!fixture_has(engine))
        skip();
    fixture_init(&f, engine);
    fixture_close(&f); /* no thread is left when the child is made */
    for (int round = 0; round < ROUNDS; round++)
        round_run(&f, round);
    fixture_open(&f, NULL, NULL, NULL);
    fixture_release(&f);
}

static void test_kill_sqlite(void **state)
{
    kill_rounds(DB_SQLITE);
}

static void test_kill_pgsql(void **state)
{
    kill_rounds(DB_PGSQL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kill_sqlite),
        cmocka_unit_test(test_kill_pgsql),
    };
    return cmocka_run_group_tests_name("kill", tests, NULL, NULL);
}
