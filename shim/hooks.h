/*
 * The hooks by family: hook_exec.c, hook_socket.c, hook_membership.c, hook_wait.c, hook_transfer.c, hook_descriptor.c,
 * hook_path.c, hook_signal.c, hook_confine.c. Each takes the place of the libc function of its name: same arguments,
 * result and errno, callable where that one is (in a signal handler, a vfork child, a thread about to be cancelled).
 *
 * errno is changed by libc's own function, which may have been called again (after EINTR), or by a hook that
 * answers in its place. All else in this library leaves it alone.
 */
#pragma once

#include "real.h"

#include <stdint.h>

#define INTERPOSE(type, name, params, args, why) type hook_##name params;
#define INTERPOSE_RETRY(type, name, params, args, why)
#define INTERPOSE_TRANSFER(type, name, params, args, events, flags, why)
#define INTERPOSE_VARIADIC(type, name, params, why)
#include "interpose.def"
#undef INTERPOSE
#undef INTERPOSE_RETRY
#undef INTERPOSE_TRANSFER
#undef INTERPOSE_VARIADIC

int hook_fcntl(int fd, int command, void *argument);
int hook_fcntl64(int fd, int command, void *argument);
int hook_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int hook_ioctl(int fd, unsigned long request, void *argument);
int hook_open(const char *path, int flags, mode_t mode);
int hook_open64(const char *path, int flags, mode_t mode);
int hook_openat(int directory, const char *path, int flags, mode_t mode);
int hook_openat64(int directory, const char *path, int flags, mode_t mode);

/*
 * Around a transfer on fd (INTERPOSE_TRANSFER).
 *
 * Before it, while session_is_watching(): may it be made? False with the errno that it is to have.
 * After it has returned -1: the descriptor to make it again on (the same one, but for an answer
 * that a retired listener still owes), or -1 with the errno that it is to have.
 */
bool transfer_begins(int fd, short events, int flags);
int transfer_again(int fd, short events, int flags, uint64_t began);

/*
 * flip's signal has ended a call when `done` bytes of these were transferred: transfers the rest, unless that was
 * all, or nothing more goes at once where it must not wait. Returns how many are transferred then; errno stays.
 * flags as of sendmsg(2), -1: as writev(2); as of recv(2), of which only those with MSG_WAITALL are to be whole.
 */
ssize_t transfer_send_rest(int fd, const struct iovec *vectors, size_t n, ssize_t done, int flags);
ssize_t transfer_receive_rest(int fd, void *buffer, size_t n, ssize_t done, int flags);

/*
 * The socket with this inode is about to give its place to a listener: what was joined on it is joined there,
 * where it may be already. Async-signal-safe.
 */
void membership_carry(uint64_t inode, int listener_fd);
