/* Structured log to stderr: JSON lines, or text on a terminal.
 *
 * Never blocks on a full pipe for long: lines go through one mutex and write(2); a line is at most
 * 8 KiB and is cut with a mark. Values are escaped. Secrets cannot be logged: no function here
 * takes a struct secret. Levels can change while running (SIGHUP). */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG = 1, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_JSON = 1, LOG_TEXT };

void log_init(enum log_format format, enum log_level level);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
bool log_level_parse(struct str s, enum log_level *ret);

/* key/value pairs: log_line(LOG_INFO, "server ready", log_s("listen", addr), log_i("ms", 12)) */
struct log_field {
    const char *key;
    enum { LOG_FIELD_STR = 1, LOG_FIELD_INT } type;
    struct str s;
    int64_t i;
};
static inline struct log_field log_s(const char *key, struct str s)
{
    return (struct log_field){ .key = key, .type = LOG_FIELD_STR, .s = s };
}
static inline struct log_field log_i(const char *key, int64_t i)
{
    return (struct log_field){ .key = key, .type = LOG_FIELD_INT, .i = i };
}
void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count);
#define log_line(level, message, ...)                                                              \
    do {                                                                                           \
        if (log_enabled(level)) {                                                                  \
            const struct log_field log_fields_[] = { { 0 }, ##__VA_ARGS__ };                       \
            log_write((level), (message), log_fields_ + 1,                                         \
                      sizeof log_fields_ / sizeof *log_fields_ - 1);                               \
        }                                                                                          \
    } while (0)

/* Tests catch lines instead of printing them; NULL ends it. */
void log_set_sink(void (*sink)(struct str line, void *arg), void *arg);

#endif
