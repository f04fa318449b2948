/*
 * The hooks by family: hook_socket.c, hook_wait.c, hook_descriptor.c, hook_signal.c. Each takes
 * the place of the libc function of its name: same arguments, result and errno, callable where
 * that one is (in a signal handler, a vfork child, a thread about to be cancelled).
 */
#pragma once

#include "real.h"

#include <stdint.h>

#define INTERPOSE(type, name, params, args, why) type hook_##name params;
#define INTERPOSE_RETRY(type, name, params, args, why)
#define INTERPOSE_TRANSFER(type, name, params, args, events, why)
#define INTERPOSE_VARIADIC(type, name, params, why)
#include "interpose.def"
#undef INTERPOSE
#undef INTERPOSE_RETRY
#undef INTERPOSE_TRANSFER
#undef INTERPOSE_VARIADIC

int hook_fcntl(int fd, int command, void *argument);
int hook_fcntl64(int fd, int command, void *argument);
int hook_ioctl(int fd, unsigned long request, void *argument);

/*
 * After a transfer on fd, begun then (ticks.h), that returned -1: is it to be made again? False
 * with the errno that it is to have.
 */
bool transfer_goes_on(int fd, short events, uint64_t began);
