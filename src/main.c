/* opboxd: everything is wired in cli/program.c and begun by a command of cli/commands.c. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
