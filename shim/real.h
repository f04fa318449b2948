/*
 * libc's own functions. Each is looked up when first called, for calls come before any
 * constructor of ours ran (an allocator that polls from its own), and a program never calls a
 * function that its libc does not have. Any thread; not a lock of ours is involved.
 */
#pragma once

#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/*
 * Of a static variable that is large and seldom written. All others then lie in one page behind .data: they
 * cost a process one fault, and a child of fork() one copy, and not one each.
 */
#define APART __attribute__((section(".bss.apart")))

/* Of a function that forked children run: it lies where they need no other page of the library (layout.ld). */
#define BY_CHILDREN __attribute__((hot))

typedef void (*sighandler_t)(int);

/* The prototypes of all, from the table; libc's headers hide some (__poll_chk) or inline them. */
struct real {
#define INTERPOSE(type, name, params, args, why) type(*name) params;
#define INTERPOSE_RETRY(type, name, params, args, why) type(*name) params;
#define INTERPOSE_TRANSFER(type, name, params, args, events, flags, why) type(*name) params;
#define INTERPOSE_VARIADIC(type, name, params, why) type(*name) params;
#include "interpose.def"
#undef INTERPOSE
#undef INTERPOSE_RETRY
#undef INTERPOSE_TRANSFER
#undef INTERPOSE_VARIADIC
};

extern struct real real;

/* Fills this member of `real` in. */
void real_resolve(void **slot);

/* Looks up those that hot paths call without a check. By the constructor. */
void real_resolve_hot(void);

/*
 * Looks up all, once: for a process that listens, so that neither its signal handlers nor its children
 * have to. Takes up to a tenth of a millisecond. Not async-signal-safe.
 */
void real_resolve_all(void);

/* libc's function, ready to be called. */
#define REAL(name)                                                                        \
	({                                                                                    \
		if (unlikely(!real.name))                                                         \
			real_resolve((void **)(void *)&real.name);                                     \
		real.name;                                                                        \
	})
