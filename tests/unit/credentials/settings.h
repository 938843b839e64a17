/* The settings' operations as a caller sees them: JSON in, JSON out, each in the transactions that
 * its row says. */
#ifndef TESTS_UNIT_CREDENTIALS_SETTINGS_H
#define TESTS_UNIT_CREDENTIALS_SETTINGS_H

#include "base/json.h"
#include "provider_double.h"

/* Arguments: JSON object. *ret (may be NULL) is the answer; its text is kept in *ret_text. */
enum err settings_call(struct rooms *r, const char *operation, const char *arguments,
                       struct json *ret);
/* The answer's text of the last call that succeeded. */
struct str settings_answer(void);
/* "config.openai.masked" of an answer, as text; "null" and "true" too. */
struct str settings_at(const struct json *answer, const char *path);
/* Every text that rows of audit hold, one after the other. */
struct str settings_audit(struct rooms *r);
/* How many audit rows have that type. */
size_t settings_events(struct rooms *r, const char *type);
/* Runs one SQL text. */
void settings_sql(struct rooms *r, const char *sql);
/* The file of a backup, unpacked: all its records. */
struct str settings_backup(struct rooms *r);

#endif
