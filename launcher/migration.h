/*
 * Clients in the queue of a TCP listener that is closed go to the others of its SO_REUSEPORT group
 * instead of being reset, if net.ipv4.tcp_migrate_req says so (Linux 5.14). It does not by itself.
 *
 * One thread. May block for as long as writing to /proc/sys does.
 */
#pragma once

#include <stdbool.h>

/* True: it is so now, until migration_end(). False: it may not be set, or the kernel is older. */
bool migration_begin(void);

/* The setting is put back in two seconds, for handshakes that have begun; or, at the end, at once. */
void migration_end(void);
void migration_end_now(void);
