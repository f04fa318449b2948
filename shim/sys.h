/*
 * The door to the kernel for code that runs in a signal handler or beneath a hook: each returns
 * what the system call did, a negative errno value on failure, and leaves errno alone.
 *
 * All async-signal-safe, none goes through a hook. Blocking only where the name says so.
 */
#pragma once

#include "sys_call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The kernel's signal set, 8 bytes on every architecture that we know (sigset_t has 128). */
#define SYS_SIGSET_SIZE 8

static inline int sys_close(int fd)
{
	return (int)SYS_CALL(SYS_close, fd);
}

static inline long sys_read(int fd, void *buffer, size_t n)
{
	return SYS_CALL(SYS_read, fd, buffer, n);
}

static inline int sys_openat(int directory, const char *path, int flags)
{
	return (int)SYS_CALL(SYS_openat, directory, path, flags | O_CLOEXEC, 0);
}

/*
 * As stat(2) and, for a link itself, lstat(2): flags as fstatat(2) has them. The libraries that pretend
 * another time (libfaketime) or owner (fakeroot) replace fstatat(), with locks of their own.
 */
static inline int sys_stat(int directory, const char *path, struct stat *status, int flags)
{
	return (int)SYS_CALL(SYS_newfstatat, directory, path, status, flags);
}

static inline int sys_fstat(int fd, struct stat *status)
{
	return (int)SYS_CALL(SYS_newfstatat, fd, "", status, AT_EMPTY_PATH);
}

/* clock_gettime() is replaced as well, and takes memory there. */
static inline int64_t sys_clock_ns(clockid_t clock)
{
	struct timespec now = { 0 };

	(void)SYS_CALL(SYS_clock_gettime, clock, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* Can n bytes be read there? What a program passes to a call may be anything. */
static inline bool sys_is_readable(const void *memory, size_t n)
{
	char copy[128];
	struct iovec to = { copy, n < sizeof(copy) ? n : sizeof(copy) };
	struct iovec from = { (void *)(uintptr_t)memory, to.iov_len };

	return SYS_CALL(SYS_process_vm_readv, SYS_CALL(SYS_getpid), &to, 1, &from, 1, 0) != -EFAULT;
}

static inline long sys_readlinkat(int directory, const char *path, char *buffer, size_t n)
{
	return SYS_CALL(SYS_readlinkat, directory, path, buffer, n);
}

static inline long sys_getdents(int fd, void *buffer, size_t n)
{
	return SYS_CALL(SYS_getdents64, fd, buffer, n);
}

static inline int sys_fcntl(int fd, int command, long argument)
{
	return (int)SYS_CALL(SYS_fcntl, fd, command, argument);
}

static inline int sys_dup3(int from, int to, int flags)
{
	return (int)SYS_CALL(SYS_dup3, from, to, flags);
}

/* The inode of what fd refers to, or 0: sockets keep theirs for life, descriptor numbers do not. */
static inline uint64_t sys_inode(int fd)
{
	struct stat status;

	return SYS_CALL(SYS_fstat, fd, &status) == 0 ? status.st_ino : 0;
}

static inline int sys_socket(int family, int type)
{
	return (int)SYS_CALL(SYS_socket, family, type, 0);
}

static inline int sys_connect(int fd, const void *address, socklen_t length)
{
	return (int)SYS_CALL(SYS_connect, fd, address, length);
}

static inline int sys_bind(int fd, const void *address, socklen_t length)
{
	return (int)SYS_CALL(SYS_bind, fd, address, length);
}

static inline int sys_listen(int fd, int backlog)
{
	return (int)SYS_CALL(SYS_listen, fd, backlog);
}

/* Behind the address the storage is zero (address_key). */
static inline int sys_getsockname(int fd, struct sockaddr_storage *address)
{
	socklen_t length = sizeof(*address);

	*address = (struct sockaddr_storage){ 0 };
	return (int)SYS_CALL(SYS_getsockname, fd, address, &length);
}

static inline int sys_getpeername(int fd, struct sockaddr_storage *address)
{
	socklen_t length = sizeof(*address);

	return (int)SYS_CALL(SYS_getpeername, fd, address, &length);
}

/* An int option's value, or a negative errno value. */
static inline int sys_getsockopt_int(int fd, int level, int option)
{
	int value = 0;
	socklen_t length = sizeof(value);
	long result = SYS_CALL(SYS_getsockopt, fd, level, option, &value, &length);

	return result < 0 ? (int)result : value;
}

/* Who has connected a Unix socket, or -errno. */
static inline pid_t sys_peer(int fd)
{
	struct ucred peer = { 0 };
	socklen_t length = sizeof(peer);
	int result = (int)SYS_CALL(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);

	return result < 0 ? result : peer.pid;
}

static inline pid_t sys_getpgid(pid_t pid)
{
	return (pid_t)SYS_CALL(SYS_getpgid, pid);
}

static inline int sys_setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	return (int)SYS_CALL(SYS_setsockopt, fd, level, option, value, length);
}

static inline int sys_setsockopt_int(int fd, int level, int option, int value)
{
	return sys_setsockopt(fd, level, option, &value, sizeof(value));
}

static inline long sys_sendmsg(int fd, const struct msghdr *message, int flags)
{
	return SYS_CALL(SYS_sendmsg, fd, message, flags);
}

static inline long sys_recvmsg(int fd, struct msghdr *message, int flags)
{
	return SYS_CALL(SYS_recvmsg, fd, message, flags);
}

/* Blocks for so long at most; `left` of it, also after a signal, is what remains (ppoll(2): the kernel's own does that). */
static inline int sys_poll_left(int fd, short events, struct timespec *left)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };

	return (int)SYS_CALL(SYS_ppoll, &poll_fd, 1, left, NULL, 0);
}

/* Blocks for timeout_ms at most, longer never; a signal ends it with -EINTR. */
static inline int sys_poll_wait(int fd, short events, int timeout_ms)
{
	struct timespec timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };

	return sys_poll_left(fd, events, &timeout);
}

/*
 * Blocks for timeout_ms at most while the word is `value`; any process that shares it may wake us.
 * 0, -EAGAIN (it is another value), -ETIMEDOUT or -EINTR.
 */
static inline int sys_wait_change(_Atomic uint32_t *word, uint32_t value, int timeout_ms)
{
	struct timespec timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };

	return (int)SYS_CALL(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
}

static inline void sys_wake_all(_Atomic uint32_t *word)
{
	(void)SYS_CALL(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static inline void sys_wake_one(_Atomic uint32_t *word)
{
	(void)SYS_CALL(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static inline int sys_epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
	return (int)SYS_CALL(SYS_epoll_ctl, set, operation, fd, event);
}

static inline int sys_getpid(void)
{
	return (int)SYS_CALL(SYS_getpid);
}

static inline int sys_getppid(void)
{
	return (int)SYS_CALL(SYS_getppid);
}

static inline int sys_gettid(void)
{
	return (int)SYS_CALL(SYS_gettid);
}

static inline int sys_kill(int pid, int signal)
{
	return (int)SYS_CALL(SYS_kill, pid, signal);
}

/* Queues a signal with a value to one thread of this process (si_code SI_QUEUE). */
static inline int sys_signal_thread(int pid, int tid, int signal, uint64_t value)
{
	siginfo_t info = { .si_signo = signal, .si_code = SI_QUEUE };

	info.si_pid = pid;
	info.si_value.sival_ptr = (void *)(uintptr_t)value;
	return (int)SYS_CALL(SYS_rt_tgsigqueueinfo, pid, tid, signal, &info);
}

static inline int sys_sigmask(int how, uint64_t set, uint64_t *old)
{
	return (int)SYS_CALL(SYS_rt_sigprocmask, how, &set, old, SYS_SIGSET_SIZE);
}

static inline int sys_sigpending(uint64_t *pending)
{
	return (int)SYS_CALL(SYS_rt_sigpending, pending, SYS_SIGSET_SIZE);
}

static inline void *sys_map(size_t size, int sharing)
{
	long memory = SYS_CALL(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);

	return memory < 0 ? NULL : (void *)memory;
}

/* The bit of a signal in the kernel's set. */
static inline uint64_t sys_signal_bit(int signal)
{
	return 1ull << (signal - 1);
}
