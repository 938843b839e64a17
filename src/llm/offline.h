/* The offline assistant: what answers while no key is set. Not a model, and it says so.
 *
 * From a request it decides one step, as a model would: call read tools that the last question's
 * words point at, or, with their results there, an answer that quotes what was found with its
 * sources. Deterministic and pure; llm_call streams it in small pieces through the same events.
 * Only tools whose names it knows, and that the request offers, are called: search,
 * knowledge_search, list_documents, get_document_content, search_system_docs, ask_question and the
 * like. */
#ifndef LLM_OFFLINE_H
#define LLM_OFFLINE_H

#include "llm/wire.h"

#define OFFLINE_MODEL "offline-assistant"

struct offline_step {       /* in the arena */
    struct str text;        /* said first; may be empty when tools are called */
    struct llm_part *calls; /* LLM_TOOL_CALL */
    size_t call_count;
    struct llm_usage usage; /* words counted as tokens; they cost nothing */
};
void offline_decide(struct arena *a, const struct llm_request *rq, struct offline_step *ret);

#endif
