/* Names as a test resolves them: getaddrinfo of this program stands before the system's. */
#ifndef TESTS_NET_NAMES_H
#define TESTS_NET_NAMES_H

/* NULL ends the list; of each name the addresses, in order. Other names are the system's. */
struct name {
    const char *name;
    const char *addresses[4];
};
void names_set(const struct name *names);
/* "slow.test" is not found until this is called. */
void names_release_slow(void);
void names_hold_slow(void);

#endif
