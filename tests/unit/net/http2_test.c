/* HTTP/2 over TLS, against nginx in front of a server inside the test. Skipped where nginx or the
 * openssl command is not installed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/probe.h"
#include "net/upstream.h"

enum { STREAMS_MAX = 10, CONNECTIONS_MAX = 4, STREAMS = 60, LARGE_BYTES = 4 * 1024 * 1024 };

/* One for all tests: starting nginx is what takes time. */
static struct proxy {
    char folder[64], certificate[96];
    int port;
    pid_t pid;
    struct upstream u;
} proxy;

/* ---- nginx ---- */

static bool exists(const char *path)
{
    return access(path, X_OK) == 0;
}

static int run(char *const argv[])
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(126);
        execv(argv[0], argv);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    return status;
}

static int free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    close(fd);
    return ntohs(a.sin_port);
}

static void write_config(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/nginx.conf", proxy.folder);
    FILE *f = fopen(path, "w");
    const char *d = proxy.folder;
    assert_non_null(f);
    fprintf(f,
            "daemon off; master_process off; pid %s/pid; error_log %s/log;\n"
            "events { worker_connections 1024; }\n"
            "http { access_log off; client_body_temp_path %s/a; proxy_temp_path %s/b;\n"
            "fastcgi_temp_path %s/c; uwsgi_temp_path %s/d; scgi_temp_path %s/e;\n"
            "server { listen 127.0.0.1:%d ssl http2; http2_max_concurrent_streams %d;\n"
            "ssl_certificate %s/cert.pem; ssl_certificate_key %s/key.pem;\n"
            "add_header X-Connection $connection always; add_header X-Protocol $server_protocol;\n"
            "location / { proxy_pass http://127.0.0.1:%d; proxy_http_version 1.1;\n"
            "proxy_buffering off; proxy_read_timeout 60s; } } }\n",
            d, d, d, d, d, d, d, proxy.port, STREAMS_MAX, d, d, proxy.u.port);
    fclose(f);
}

static bool reachable(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    close(fd);
    return ok;
}

static void serve(struct upstream *u, int fd, int nth);

static int proxy_start(void **state)
{
    char key[96], config[128];
    (void)state;
    if (!exists("/usr/sbin/nginx") || !exists("/usr/bin/openssl"))
        return 0;
    snprintf(proxy.folder, sizeof proxy.folder, "/tmp/opboxd-http2-XXXXXX");
    assert_non_null(mkdtemp(proxy.folder));
    snprintf(proxy.certificate, sizeof proxy.certificate, "%s/cert.pem", proxy.folder);
    snprintf(key, sizeof key, "%s/key.pem", proxy.folder);
    snprintf(config, sizeof config, "%s/nginx.conf", proxy.folder);
    char *make[] = { "/usr/bin/openssl",
                     "req",
                     "-x509",
                     "-newkey",
                     "ec",
                     "-pkeyopt",
                     "ec_paramgen_curve:prime256v1",
                     "-nodes",
                     "-days",
                     "2",
                     "-subj",
                     "/CN=localhost",
                     "-addext",
                     "subjectAltName=DNS:localhost,IP:127.0.0.1",
                     "-keyout",
                     key,
                     "-out",
                     proxy.certificate,
                     NULL };
    assert_int_equal(run(make), 0);
    proxy.u.script = serve;
    upstream_start(&proxy.u);
    proxy.port = free_port();
    write_config();
    proxy.pid = fork();
    if (proxy.pid == 0) {
        execl("/usr/sbin/nginx", "nginx", "-c", config, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 500 && !reachable(proxy.port); i++)
        (void)poll(NULL, 0, 10);
    assert_true(reachable(proxy.port));
    return 0;
}

static int proxy_stop(void **state)
{
    char *away[] = { "/bin/rm", "-rf", proxy.folder, NULL };
    (void)state;
    if (!proxy.pid)
        return 0;
    kill(proxy.pid, SIGKILL);
    waitpid(proxy.pid, NULL, 0);
    upstream_stop(&proxy.u);
    return run(away);
}

static int world_open_tls(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->loops = loops_start(2);
    w->fetcher =
        fetcher_new(w->loops, &(struct fetcher_options){ .http2_connections_max = CONNECTIONS_MAX,
                                                         .ca_file = str_of(proxy.certificate) });
    *state = w;
    return 0;
}

/* ---- what stands behind nginx ---- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int arrived, wanted; /* answers begin when that many requests are there */
} gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0 };

static void gate_set(int wanted)
{
    pthread_mutex_lock(&gate.lock);
    gate.arrived = 0;
    gate.wanted = wanted;
    pthread_mutex_unlock(&gate.lock);
}

/* Returns how many were there before. */
static int gate_pass(void)
{
    pthread_mutex_lock(&gate.lock);
    int before = gate.arrived++;
    pthread_cond_broadcast(&gate.changed);
    while (gate.arrived < gate.wanted)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    return before;
}

static void say_gate(int fd)
{
    char answer[128];
    snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n%d",
             10000 + gate_pass());
    upstream_say(fd, answer);
}

static void say_large(int fd)
{
    char head[128];
    static const char part[65536] = { 0 };
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", LARGE_BYTES);
    upstream_say(fd, head);
    for (int i = 0; i < LARGE_BYTES / 65536; i++)
        upstream_send(fd, (struct str){ part, sizeof part });
}

static void serve(struct upstream *u, int fd, int nth)
{
    char head[8192];
    (void)nth;
    if (!upstream_request(u, fd, head, sizeof head, NULL))
        return;
    if (strncmp(head, "GET /gate", 9) == 0) {
        say_gate(fd);
    } else if (strncmp(head, "GET /hang", 9) == 0) {
        upstream_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        upstream_wait_closed(u, fd);
    } else if (strncmp(head, "GET /cut", 8) == 0) {
        upstream_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    } else if (strncmp(head, "GET /large", 10) == 0) {
        say_large(fd);
    } else {
        upstream_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
}

/* ---- tests ---- */

static void ask(struct world *w, struct probe *p, const char *path)
{
    probe_init(p, w, "https://localhost:%d%s", proxy.port, path);
}

/* Serial number that nginx gives a connection. */
static long connection_of(const struct probe *p)
{
    struct str head = buf_str(&p->head);
    size_t at = str_find(head, STR("x-connection\n"));
    assert_int_not_equal(at, SIZE_MAX);
    return strtol(head.ptr + at + sizeof "x-connection", NULL, 10);
}

static void know_the_host(struct world *w)
{
    struct probe p;
    ask(w, &p, "/");
    probe_run(&p);
    assert_int_equal(p.result.end, FETCH_WHOLE);
    assert_int_not_equal(str_find(buf_str(&p.head), STR("x-protocol\nHTTP/2.0")), SIZE_MAX);
    probe_release(&p);
}

static void skip_without_nginx(void)
{
    if (!proxy.pid)
        skip();
}

static void it_is_spoken(void **state)
{
    skip_without_nginx();
    for (int i = 0; i < 3; i++)
        know_the_host(*state);
}

static void an_untrusted_certificate_is_no_connection(void **state)
{
    struct world *w = *state;
    struct fetcher *strict = fetcher_new(w->loops, &(struct fetcher_options){ 0 });
    struct probe p;
    skip_without_nginx();
    ask(w, &p, "/");
    p.fetcher = strict;
    probe_run(&p);
    assert_int_equal(p.result.end, FETCH_NO_CONNECT);
    assert_false(p.result.sent);
    probe_release(&p);
    fetcher_free(strict);
}

/* Those that waited at the gate together were under way at once: they tell how many connections
 * were open. (One that is idle for a moment may be closed and another opened in its place.) */
static void many_streams_stay_on_few_connections(void **state)
{
    struct world *w = *state;
    struct probe *p = calloc(STREAMS, sizeof *p);
    enum { TOGETHER = CONNECTIONS_MAX * STREAMS_MAX };
    long seen[STREAMS];
    int count = 0;
    skip_without_nginx();
    know_the_host(w);
    gate_set(TOGETHER);
    for (int i = 0; i < STREAMS; i++) {
        ask(w, &p[i], "/gate");
        probe_start(&p[i]);
    }
    for (int i = 0; i < STREAMS; i++) {
        probe_wait(&p[i]);
        assert_int_equal(p[i].result.end, FETCH_WHOLE);
        long c = connection_of(&p[i]);
        int k = 0;
        while (k < count && seen[k] != c)
            k++;
        int64_t turn = 0;
        assert_true(str_to_i64(buf_str(&p[i].body), &turn));
        if (k == count && turn < 10000 + TOGETHER)
            seen[count++] = c;
        probe_release(&p[i]);
    }
    assert_int_equal(count, CONNECTIONS_MAX);
    free(p);
}

static void a_cancelled_stream_leaves_the_others(void **state)
{
    struct world *w = *state;
    struct probe hang, other;
    skip_without_nginx();
    know_the_host(w);
    ask(w, &hang, "/hang");
    ask(w, &other, "/gate");
    gate_set(2);
    probe_start(&hang);
    probe_wait_body(&hang, 5);
    probe_start(&other);
    atomic_store(&proxy.u.closed_ms, 0);
    probe_cancel(&hang);
    probe_wait(&hang);
    assert_int_equal(hang.result.end, FETCH_CANCELLED);
    while (atomic_load(&proxy.u.closed_ms) == 0) /* nginx heard it and closed its side */
        ;
    gate_pass();
    probe_wait(&other);
    assert_int_equal(other.result.end, FETCH_WHOLE);
    assert_int_equal(connection_of(&hang), connection_of(&other));
    probe_release(&hang);
    probe_release(&other);
}

static void a_cut_stream_is_a_cut(void **state)
{
    struct probe p;
    skip_without_nginx();
    know_the_host(*state);
    ask(*state, &p, "/cut");
    probe_run(&p);
    assert_int_equal(p.result.end, FETCH_CUT);
    assert_int_equal(p.result.status, 200);
    probe_release(&p);
}

static bool pause_at_first(struct probe *p, struct str bytes)
{
    (void)bytes;
    if (!p->arg)
        fetch_pause(p->fetch, true);
    p->arg = p;
    return true;
}

/* Readers that would rather take nothing must not hold up the others on their connection: their
 * streams go on (fetch.h). */
static void paused_streams_leave_the_others(void **state)
{
    struct world *w = *state;
    enum { PAUSED = 5, OTHERS = 5 };
    struct probe slow[PAUSED];
    skip_without_nginx();
    know_the_host(w);
    for (int i = 0; i < PAUSED; i++) {
        ask(w, &slow[i], "/large");
        slow[i].in_body = pause_at_first;
        probe_start(&slow[i]);
    }
    for (int i = 0; i < PAUSED; i++)
        probe_wait_body(&slow[i], 1);
    for (int i = 0; i < OTHERS; i++) {
        struct probe p;
        ask(w, &p, "/large");
        probe_run(&p);
        assert_int_equal(p.result.end, FETCH_WHOLE);
        assert_int_equal(p.body.len, LARGE_BYTES);
        assert_int_equal(connection_of(&p), connection_of(&slow[0]));
        probe_release(&p);
    }
    for (int i = 0; i < PAUSED; i++) {
        probe_wait(&slow[i]);
        assert_int_equal(slow[i].result.end, FETCH_WHOLE);
        assert_int_equal(slow[i].body.len, LARGE_BYTES);
        probe_release(&slow[i]);
    }
}

static void a_paused_stream_that_is_flooded_loses_nothing(void **state)
{
    struct world *w = *state;
    struct probe slow, p;
    skip_without_nginx();
    know_the_host(w);
    ask(w, &slow, "/large");
    slow.in_body = pause_at_first;
    probe_start(&slow);
    probe_wait_body(&slow, 1);
    ask(w, &p, "/");
    probe_start(&p);
    probe_wait(&slow);
    assert_int_equal(slow.result.end, FETCH_WHOLE);
    assert_int_equal(slow.body.len, LARGE_BYTES);
    probe_wait(&p);
    assert_int_equal(p.result.end, FETCH_WHOLE);
    probe_release(&slow);
    probe_release(&p);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open_tls, world_close)
    const struct CMUnitTest tests[] = {
        TEST(it_is_spoken),
        TEST(an_untrusted_certificate_is_no_connection),
        TEST(many_streams_stay_on_few_connections),
        TEST(a_cancelled_stream_leaves_the_others),
        TEST(a_cut_stream_is_a_cut),
        TEST(paused_streams_leave_the_others),
        TEST(a_paused_stream_that_is_flooded_loses_nothing),
    };
    return cmocka_run_group_tests(tests, proxy_start, proxy_stop);
}
