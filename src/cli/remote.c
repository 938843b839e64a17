/* The same call, carried out by the server that holds the data folder: HTTP over DIR/control.sock.
 */
#include <curl/curl.h>
#include <stdio.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "cli/program.h"

enum { ANSWER_BYTES_MAX = 64 * 1024 * 1024, TIMEOUT_S = 3600 };

static size_t on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    struct buf *b = arg;
    buf_put(b, bytes, size * count);
    return b->overflow ? 0 : size * count;
}

static struct curl_slist *headers_of(struct cli_args *a, const struct cli_call *c)
{
    struct curl_slist *h = curl_slist_append(NULL, "content-type: application/json");
    h = curl_slist_append(h, "expect:");
    if (c->as)
        h = curl_slist_append(h, str_cstr(a->arena, str_fmt(a->arena, "x-opboxd-as: %s", c->as)));
    if (c->workspace)
        h = curl_slist_append(
            h, str_cstr(a->arena, str_fmt(a->arena, "x-workspace-id: %s", c->workspace)));
    if (c->dry_run)
        h = curl_slist_append(h, "x-opboxd-dry-run: 1");
    return h;
}

bool cli_remote(struct cli_args *a, const struct cli_call *c, struct cli_answer *ret)
{
    char socket_path[1024], url[256];
    struct buf body;
    long status = 0;
    for (const char *n = c->operation; *n; n++) {
        if ((*n < 'a' || *n > 'z') && (*n < '0' || *n > '9') && *n != '_') {
            cli_fail("there is no operation %s; `opboxd operations` lists them", c->operation);
            return false;
        }
    }
    CURL *curl = curl_easy_init();
    if (!curl)
        return false;
    buf_init(&body, a->arena, ANSWER_BYTES_MAX);
    data_path(a->config, "control.sock", socket_path, sizeof socket_path);
    snprintf(url, sizeof url, "http://localhost/control/call/%.100s", c->operation);
    struct curl_slist *headers = headers_of(a, c);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, c->arguments.ptr);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->arguments.len);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    CURLcode rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (rc != CURLE_OK) {
        cli_fail("the server on %s did not answer: %s", socket_path, curl_easy_strerror(rc));
        return false;
    }
    *ret = (struct cli_answer){ (int)status, buf_str(&body) };
    return true;
}
