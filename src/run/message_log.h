/* The log behind message.h. Private to message*.c. */
#ifndef RUN_MESSAGE_LOG_H
#define RUN_MESSAGE_LOG_H

#include "run/message.h"

enum entry_type {
    ENTRY_START = 1,
    ENTRY_STEP_START,
    ENTRY_STEP_END,
    ENTRY_PART_START,
    ENTRY_DELTA,
    ENTRY_PART_END,
    ENTRY_TOOL_INPUT,
    ENTRY_TOOL_OUTPUT, /* or error, as the part's state says */
    ENTRY_DATA,
    ENTRY_FINISH,
    ENTRY_ERROR,
    ENTRY_ABORT
};
struct entry {
    enum entry_type type;
    int part;          /* -1: of none */
    uint32_t from, to; /* ENTRY_DELTA: bytes of the part's text */
    int64_t at;        /* counter after it */
    const char *name;  /* constant: reason of a finish, name of data */
    char *text;        /* of an error, of transient data, metadata of a finish */
};
struct message {
    char *id;
    struct part *parts;
    size_t part_count, part_cap;
    struct entry *entries;
    size_t entry_count, entry_cap;
    int64_t counter;
    size_t bytes;
};

/* A new part without an entry, or NULL: there are MESSAGE_PARTS_MAX. */
struct part *message_part_add(struct message *m, enum part_type type);

#endif
