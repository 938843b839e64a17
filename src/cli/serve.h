/* Serving until a signal; what serve and demo share. */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include "cli/program.h"

struct serve_args {
    int argc; /* the flags of the command, to read the configuration once more on SIGHUP */
    char **argv;
    void (*on_ready)(struct program *p, void *arg); /* may be NULL */
    void *arg;
};
/* Takes the config. Gives the exit code. */
int serve_until_signal(struct config *config, const struct serve_args *args);

#endif
