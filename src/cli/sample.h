/* The pages of the sample workspace, embedded from sample/ (tools/embed_pages.py): a visa agency's
 * fees, rules, checklists and two clients, so that the first questions are worth asking. */
#ifndef CLI_SAMPLE_H
#define CLI_SAMPLE_H

#include <stddef.h>

struct sample_page {
    const char *title, *markdown;
};
extern const struct sample_page sample_pages[];
extern const size_t sample_pages_count;

#endif
