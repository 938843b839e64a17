/* The wiring of a program: everything of struct app, opened from the configuration in the order of
 * the house and closed in reverse. One for the server and one for commands, so that both go through
 * the same gate. */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

#include "base/app.h"
#include "base/config.h"
#include "base/cx.h"

enum program_mode {
    PROGRAM_COMMAND = 1, /* the schema must be current; no threads but the writer */
    PROGRAM_SERVER,      /* migrates; pools, jobs, audit log */
    PROGRAM_RESTORE      /* migrates, writes nothing else: the log is not sealed yet */
};

struct program {
    struct app app;
    struct config *config;
    atomic_bool stopping;
    int lock_fd;
    struct http_server *http;
};

/* Takes the lock on the data folder (PostgreSQL too: the folder holds the socket and the blobs). On
 * failure one clear sentence for an operator. */
bool program_open(struct config *config, enum program_mode mode, struct program **ret, char *error,
                  size_t error_size);
/* After a restore: the log goes on, with new keys. */
bool program_seal(struct program *p, char *error, size_t error_size);
/* Owns and frees the config. NULL is fine. */
void program_close(struct program *p);

/* ---- parts that other commands use alone ---- */

/* The folder, mode 0700, made when absent. */
bool data_folder_make(const struct config *c, char *error, size_t size);
/* -1 with a sentence that names the holder's pid when another program has it. */
int data_folder_lock(const struct config *c, char *error, size_t size);
/* True: a server holds the folder and listens on its control socket. */
bool data_folder_served(const struct config *c);
/* DIR/name in `out`. */
void data_path(const struct config *c, const char *name, char *out, size_t size);
/* Fills in the secrets that are not given: read from the folder, or made once and kept there. */
bool secrets_complete(struct config *c, bool make, char *error, size_t size);
/* DIR/root-key.next, while the root key is changed (keys_ops.c). NULL: none. */
struct secret *root_key_next_read(const struct config *c);
/* Writes it, durable: the key in `file`, or (absent) one that is made. False: a sentence. */
bool root_key_next_make(const struct config *c, struct str file, char *error, size_t size);
/* It takes the place of DIR/root-key. */
bool root_key_next_finish(const struct config *c, char *error, size_t size);
/* The root key was not given: DIR/root-key is it. */
bool root_key_kept(const struct config *c);
void root_key_next_drop(const struct config *c);
/* Opens the database that the configuration names, without looking at its schema. */
bool database_open(const struct config *c, bool create, struct db **ret, char *error, size_t size);
/* All operation rows of the program. */
struct registry *program_registry(char *error, size_t size);

#endif
