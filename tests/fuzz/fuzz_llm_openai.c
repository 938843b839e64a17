/* The reader of the openai format on any bytes: llm_reader.h says what must hold. */
#include "llm_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return llm_reader_check("openai", data, size);
}
