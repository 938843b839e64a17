/* What has been learned of servers: which refuse `stream_options`. Private to llm/. */
#ifndef LLM_MEMORY_H
#define LLM_MEMORY_H

#include "llm/llm.h"

bool llm_memory_refuses(struct llm *l, const char *base_url);
void llm_memory_note(struct llm *l, const char *base_url);

#endif
