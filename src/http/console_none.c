/* The table of a program that is built without the console. */
#include "http/console.h"

const struct console_file console_files[] = { { "", "", (const unsigned char *)"", 0, false } };
const size_t console_files_count = 0;
