/* Which provider speaks which format. */
#include "llm/codec.h"

static const struct {
    const char *provider;
    const struct llm_codec *codec;
} codecs[] = {
    { "anthropic", &anthropic_codec }, { "openai", &openai_codec }, { "groq", &openai_codec },
    { "openclaw", &openai_codec },     { "hermes", &openai_codec }, { "local", &openai_codec },
};

const struct llm_codec *llm_codec_find(const char *provider)
{
    for (size_t i = 0; provider && i < sizeof codecs / sizeof *codecs; i++)
        if (strcmp(codecs[i].provider, provider) == 0)
            return codecs[i].codec;
    return NULL;
}
