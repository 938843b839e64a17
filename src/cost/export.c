/* CSV of the ledger; see export.h.
 *
 * Goals: what is not whole is not given; a cell is never a formula for the program that opens the
 * file (names of models come from tenants). Read in slices within one snapshot. */
#include "cost/export.h"

#include <assert.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cost/book.h"

enum { SLICE = 1000, PAGES_MAX = 1000, BYTES_MAX = 64 * 1024 * 1024 };

static void cell_start(struct buf *out)
{
    if (out->len && out->ptr[out->len - 1] != '\n')
        buf_put_byte(out, ',');
}

static void text_cell(struct buf *out, struct str s)
{
    static const char formula[] = "=+-@\t\r";
    cell_start(out);
    if (!s.len)
        return;
    buf_put_byte(out, '"');
    if (memchr(formula, s.ptr[0], sizeof formula - 1))
        buf_put_byte(out, '\'');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"')
            buf_put_byte(out, '"');
        buf_put_byte(out, s.ptr[i]);
    }
    buf_put_byte(out, '"');
}

static void raw_cell(struct buf *out, struct str s)
{
    cell_start(out);
    buf_put_str(out, s);
}

static void int_cell(struct buf *out, int64_t v)
{
    cell_start(out);
    buf_put_i64(out, v);
}

static void row_write(struct cx *cx, struct buf *out, const struct usage_row *r)
{
    char at[TIME_ISO_BYTES + 1];
    time_iso(r->created_at_ms, at);
    raw_cell(out, r->id);
    raw_cell(out, (struct str){ at, TIME_ISO_BYTES });
    raw_cell(out, r->month);
    text_cell(out, r->operation_type);
    text_cell(out, r->provider);
    text_cell(out, r->model);
    text_cell(out, r->key_source);
    text_cell(out, r->user_id);
    text_cell(out, r->thread_id);
    text_cell(out, r->run_id);
    text_cell(out, r->agent_task_id);
    int_cell(out, r->attempt);
    int_cell(out, r->input_tokens);
    int_cell(out, r->output_tokens);
    int_cell(out, r->cache_read_tokens);
    int_cell(out, r->cache_write_tokens);
    raw_cell(out, r->unpriced ? STR("") : usd_text(cx->arena, r->cost_nanousd));
    text_cell(out, r->basis);
    text_cell(out, r->unpriced ? STR("unpriced") : r->price_version);
    int_cell(out, r->duration_ms);
    text_cell(out, r->error);
    buf_put_cstr(out, "\r\n");
}

enum err usage_csv(struct cx *cx, const struct usage_filter *f, struct str *ret)
{
    struct buf out;
    struct usage_place place = { 0 };
    char last_id[128] = "";
    bool more = true;
    size_t total = 0;
    int pages = 0;
    buf_init(&out, NULL, BYTES_MAX);
    buf_put_cstr(&out, "id,createdAt,month,operationType,provider,model,keySource,userId,threadId,"
                       "runId,agentTaskId,attempt,inputTokens,outputTokens,cacheReadTokens,"
                       "cacheWriteTokens,costUsd,basis,priceVersion,durationMs,error\r\n");
    enum err e = OK;
    while (more && e == OK && total <= USAGE_CSV_ROWS_MAX && pages++ < PAGES_MAX && !out.overflow) {
        struct arena_mark mark = arena_mark(cx->arena);
        struct usage_row *rows;
        size_t count = 0;
        e = usage_page(cx, f, &place, SLICE, &rows, &count, &more);
        for (size_t i = 0; e == OK && i < count; i++)
            row_write(cx, &out, &rows[i]);
        total += count;
        if (e == OK && more) {
            assert(place.id.len <= sizeof last_id);
            memcpy(last_id, place.id.ptr, place.id.len);
            place.id = (struct str){ last_id, place.id.len };
        }
        if (e == OK)
            arena_reset(cx->arena, mark);
    }
    if (e == OK && (more || total > USAGE_CSV_ROWS_MAX || out.overflow)) {
        cx_field_error(
            cx, STR("month"),
            "leaves more than %d rows, or a million to look through; ask for a month, or "
            "a day of it",
            USAGE_CSV_ROWS_MAX);
        e = cx_invalid(cx);
    }
    if (e == OK)
        *ret = str_copy(cx->arena, buf_str(&out));
    buf_release(&out);
    return e;
}
