/* Settings of a workspace: name and zone are columns, the rest is one JSON object.
 *
 * Invariants: only what differs from its default is stored, so that a better default reaches
 * everybody who never chose; what an older or newer version stored under other names, or out of
 * bounds, is passed over. */
#include <stddef.h>

#include "base/clock.h"
#include "tenancy/tenancy.h"
#include "tenancy/tenancy_sql.h"

enum { SETTINGS_BYTES_MAX = 16 * 1024 };

static const struct {
    const char *key;
    size_t offset;
    int64_t def, min, max;
} numbers[] = {
    { "scannerDays", offsetof(struct tenancy_settings, scanner_days), 90, 1, 3650 },
    { "deletedDays", offsetof(struct tenancy_settings, deleted_days), 30, 1, 3650 },
    { "notificationDays", offsetof(struct tenancy_settings, notification_days), 180, 1, 3650 },
    { "writesPerThread", offsetof(struct tenancy_settings, writes_per_thread), 50, 0, 10000 },
    { "writesPerDay", offsetof(struct tenancy_settings, writes_per_day), 200, 0, 100000 },
    { "workerLevel", offsetof(struct tenancy_settings, worker_level), 1, 0, 3 },
    { "workerConcurrency", offsetof(struct tenancy_settings, worker_concurrency), 1, 0, 16 },
};
enum { NUMBERS_COUNT = sizeof numbers / sizeof *numbers };

static int64_t *number_of(struct tenancy_settings *s, size_t i)
{
    return (int64_t *)((char *)s + numbers[i].offset);
}

static void read_stored(struct arena *a, struct str text, struct tenancy_settings *s)
{
    static const struct json_limits limits = { .bytes_max = SETTINGS_BYTES_MAX, .depth_max = 8 };
    struct json j = { 0 };
    struct json_fault fault;
    bool good = json_parse(a, text, &limits, &j, &fault) == OK;
    for (size_t i = 0; i < NUMBERS_COUNT; i++) {
        const struct json *v = good ? json_get(&j, numbers[i].key) : NULL;
        int64_t n;
        *number_of(s, i) = v && json_to_i64(v, &n) && n >= numbers[i].min && n <= numbers[i].max
                               ? n
                               : numbers[i].def;
    }
    const struct json *opt_in = good ? json_get(&j, "identityMatching") : NULL;
    s->identity_matching = opt_in && opt_in->type == JSON_BOOL && opt_in->boolean;
}

static struct str to_store(struct arena *a, struct tenancy_settings *s)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, a, SETTINGS_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w);
    for (size_t i = 0; i < NUMBERS_COUNT; i++) {
        if (*number_of(s, i) == numbers[i].def)
            continue;
        jw_key(&w, str_of(numbers[i].key));
        jw_i64(&w, *number_of(s, i));
    }
    if (s->identity_matching) {
        jw_key_lit(&w, "identityMatching");
        jw_bool(&w, true);
    }
    jw_object_end(&w);
    return buf_str(&b);
}

enum err tenancy_settings_get(struct cx *cx, struct tenancy_settings *ret)
{
    struct tenancy_settings_find_in in = { cx->principal.workspace_id };
    struct tenancy_settings_find_row row;
    bool found = false;
    if (str_given(in.workspace_id))
        TRY(tenancy_settings_find(cx, &in, &row, &found));
    if (!found)
        FAIL(cx, NOT_FOUND, "There is no such workspace.");
    *ret = (struct tenancy_settings){ .name = row.name,
                                      .time_zone = row.time_zone,
                                      .version = row.version,
                                      .updated_at_ms = row.updated_at };
    read_stored(cx->arena, row.settings, ret);
    return OK;
}

enum err tenancy_settings_put(struct cx *cx, struct tenancy_settings *s)
{
    struct tenancy_settings now = { 0 };
    struct tenancy_settings_set_in in = { .workspace_id = cx->principal.workspace_id,
                                          .name = s->name,
                                          .time_zone = s->time_zone,
                                          .settings = to_store(cx->arena, s),
                                          .version = s->version,
                                          .now = cx->now_ms };
    int64_t changed;
    if (!zone_find(s->time_zone)) {
        cx_field_error(cx, STR("timeZone"), "must be an IANA time zone, as Europe/Madrid");
        return cx_invalid(cx);
    }
    TRY(tenancy_settings_set(cx, &in, &changed));
    if (changed == 0) {
        TRY(tenancy_settings_get(cx, &now));
        return tenancy_version_conflict(cx, "workspace", now.version);
    }
    s->version++;
    s->updated_at_ms = cx->now_ms;
    return OK;
}
