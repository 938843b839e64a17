/* Pulse: has every loop turned since it was last looked? A loop never blocks, so one that has not
 * is broken, and a service manager may start the program anew. */
#ifndef NET_PULSE_H
#define NET_PULSE_H

#include "net/loop.h"

struct pulse;
/* Of running loops, which pulse_free must find stopped: a message may be under way. */
struct pulse *pulse_new(struct loops *ls);
void pulse_free(struct pulse *p);
/* True: each loop has answered since the last call (the first call: true). Sends the next beats to
 * those that have. One thread calls it. */
bool pulse_felt(struct pulse *p);

#endif
