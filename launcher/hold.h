/*
 * `flip hold PID`: what is left of a drained first generation that was process 1 of a PID
 * namespace. Were it to end, the kernel would kill everything in there (pid_namespaces(7)).
 */
#pragma once

#include <sys/types.h>

/*
 * Reaps children and passes signals on to the supervisor `pid`, a child by now, until that ends.
 * Returns its exit code. Called once, with every signal blocked.
 */
int hold_run(pid_t pid);
