/*
 * Listeners that pass from one program to the next through exec: a master that starts its workers as
 * programs of their own, an inetd, a service manager that opens the sockets. A program that gets
 * one is part of the service, so it gets flip as well, whatever its environment was to be; any other
 * gets nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * By the constructor: is a listener open already? Then the session begins, and who waits on it
 * reports it.
 */
void inherit_begin(void);

/*
 * How many bytes inherit_environment() needs for this environment; 0: the program gets no listener of
 * the service. Reads the environment only if it does. Async-signal-safe, also in a vfork child.
 */
size_t inherit_room(char *const *environment);

/* The same environment with flip in it, made in `room` bytes of memory. */
char *const *inherit_environment(char *const *environment, void *memory, size_t room);
