/* What a reader reports, as text that tests compare: a line an event, texts in JSON strings, and at
 * the end "whole" or "error STATUS SENTENCE". It checks on the way what wire.h promises: blocks
 * begin in order, each ends once, nothing follows LLM_EVENT_FINISH. */
#ifndef TEST_LLM_RECORDER_H
#define TEST_LLM_RECORDER_H

#include "llm/wire.h"

#define RECORDER_BLOCKS_MAX 256

struct recorder {
    struct buf *log;
    int begun, open;
    bool is_open[RECORDER_BLOCKS_MAX];
    bool finished;
};

/* Feeds `bytes` in pieces of `piece` bytes; with `at` in it, the first piece ends there. */
bool record(const char *provider, struct str bytes, size_t at, size_t piece, struct buf *log);
/* Without the last line's verdict: the events only. */
bool record_events(const char *provider, struct str bytes, size_t at, size_t piece,
                   struct buf *log);

#endif
