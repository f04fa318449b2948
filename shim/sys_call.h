/*
 * SYS_CALL(NUMBER, ARGUMENT...): a system call, with what the kernel answers: a negative errno value on failure.
 * errno itself is not touched. Async-signal-safe, no cancellation point.
 *
 * By the processor's own instruction, for in a child of fork() each part of libc that is called has to be
 * mapped first (2 us), and syscall(3) and errno lie where nothing else is that a server's child needs.
 */
#pragma once

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SYS_CALL(...)                                                                                       \
	SYS_CALL_CHOOSE(__VA_ARGS__, SYS_CALL_6, SYS_CALL_6, SYS_CALL_6, SYS_CALL_3, SYS_CALL_3, SYS_CALL_3,     \
			SYS_CALL_3)                                                                              \
	(__VA_ARGS__, 0, 0, 0)
#define SYS_CALL_CHOOSE(number, a, b, c, d, e, f, chosen, ...) chosen
#define SYS_CALL_3(number, a, b, c, ...) sys_call_3(number, (long)(a), (long)(b), (long)(c))
#define SYS_CALL_6(number, a, b, c, d, e, f, ...) \
	sys_call_6(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#if defined(__x86_64__) && !defined(__ILP32__) && !defined(SYS_CALL_BY_LIBC) /* by tests that answer in its place */

/* syscall(2), "Architecture calling conventions". */
static inline long sys_call_3(long number, long a, long b, long c)
{
	__asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return number;
}

static inline long sys_call_6(long number, long a, long b, long c, long d, long e, long f)
{
	register long fourth __asm__("r10") = d;
	register long fifth __asm__("r8") = e;
	register long sixth __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "+a"(number)
			 : "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
			 : "rcx", "r11", "memory");
	return number;
}

#else

static inline long sys_call_6(long number, long a, long b, long c, long d, long e, long f)
{
	int saved = errno;
	long result = syscall(number, a, b, c, d, e, f);

	if (result == -1) {
		result = -errno;
		errno = saved;
	}
	return result;
}

static inline long sys_call_3(long number, long a, long b, long c)
{
	return sys_call_6(number, a, b, c, 0, 0, 0);
}

#endif
