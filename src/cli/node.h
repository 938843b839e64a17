/* This process among those that share the database: a row of table nodes with a heartbeat. */
#ifndef CLI_NODE_H
#define CLI_NODE_H

#include "base/app.h"
#include "base/str.h"

struct node;
/* Writes the row and starts the heartbeat. NULL when the database refused (logged). */
struct node *node_join(struct app *app, struct str address);
void node_leave(struct node *n); /* NULL is fine */

#endif
