/* Inside llm/: the two formats, each as request (…_request.c), reader (…_reader.c), and what they
 * share: an upper bound of tokens (tokens.c). */
#ifndef LLM_CODEC_H
#define LLM_CODEC_H

#include "llm/wire.h"

extern const struct llm_codec anthropic_codec;
extern const struct llm_codec openai_codec;

struct llm_reader *anthropic_reader_new(void (*on_event)(void *arg, const struct llm_event *e),
                                        void *arg);
struct llm_reader *openai_reader_new(void (*on_event)(void *arg, const struct llm_event *e),
                                     void *arg);

int64_t anthropic_input_tokens_max(const struct llm_request *rq);
int64_t openai_input_tokens_max(const struct llm_request *rq);

#endif
