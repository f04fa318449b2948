/*
 * What this process knows of flip: the one process-wide object, and everything about fork.
 *
 * Three kinds of memory, by what fork() does to them:
 *   session   ordinary: a child has a copy, and an exec'ed program starts anew
 *   process   wiped in a child by the kernel (MADV_WIPEONFORK, Linux 4.14): so every way to fork,
 *             raw clone(2) too, leaves a child that is no member of the service yet
 *   family    shared by all processes that came of one image by fork: the listeners of this
 *             generation and what the program believes of them
 */
#pragma once

#include "core/listeners.h"
#include "core/protocol.h"
#include "real.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* The program's own view of a signal that flip has taken. */
enum session_signal_slot { SLOT_CHANNEL, SLOT_RESTART, SLOT_STOP, SLOT_OVERFLOW, SLOT_END };

enum process_state {
	PROCESS_STRANGER, /* or a fresh child: what a wiped page says */
	PROCESS_JOINING,
	PROCESS_MEMBER,
	PROCESS_ALONE, /* no supervisor can be reached; serve on as if without flip */
};

struct process {
	_Atomic uint32_t state;	    /* enum process_state */
	_Atomic int32_t pid;	    /* a vfork child sees its parent's */
	_Atomic int channel_fd;	    /* valid when MEMBER */
	_Atomic uint64_t channel_inode;
	_Atomic uint32_t wanted;    /* wake-ups of the channel not yet looked after */
	_Atomic uint32_t ending;    /* to end by the stop signal, which is the program's again, also in the bare face */
	_Atomic uint32_t leaving;   /* told to end: its only thread does, at its next wait */
	_Atomic uint32_t epoch;	    /* of the threads that were asked to look up */
	_Atomic int32_t threads_due; /* that have not yet passed through the handler */
};

struct family {
	/* The generation is the current one. */
	_Atomic uint32_t current;
	/* Hooks need not report any more who waits on what. */
	_Atomic uint32_t settled;
	/* Before that, somebody was kept from a client: its wake-up is used up. */
	_Atomic uint32_t withheld;
	/* Listeners are shared with another generation: their descriptions are non-blocking now. */
	_Atomic uint32_t handed_over;
	/* Right now another generation has them too, or the supervisor holds them for one. */
	_Atomic uint32_t shared;
	/* An older one serves, and this one is not yet to take its place. */
	_Atomic uint32_t starting;
	/* No other generation needs the files that this one may remove or replace: do not look. */
	_Atomic uint32_t files_own;
	/* It has some by exec or from another process: what is done to these elsewhere it is not told. */
	_Atomic uint32_t has_foreign;
	/* How many of them the program believes to be blocking. */
	_Atomic uint32_t blocking;
	/* No other generation accepts: accept() on these may block in the kernel again (blocking_let). */
	_Atomic uint32_t sole;
	/* It does so on one of them. */
	_Atomic uint32_t unblocked;
	/* It has accepted from one of these when a wait call said so: it must not be parked there. */
	_Atomic uint32_t polls;
	/* It was told to let go of its listeners: one that is not heard of since does so by itself. */
	_Atomic uint32_t retired;
	/* How many are sockets of datagrams. */
	_Atomic uint32_t datagrams;
	struct listeners listeners;
};

struct session {
	bool enabled;		 /* not FLIP_DISABLE=1, and the constructor has run */
	bool bare;		 /* no launcher: flip summons its supervisor at the first listen() */
	uint32_t generation;	 /* 1 is the first */
	bool held;		 /* the supervisor has copies of the listeners all the time */
	bool waits;		 /* takes no client before it is the current one, even if alone */
	bool alone;		 /* no other one serves, even if this one is not the current one yet */
	struct sockaddr_storage channel_address;
	socklen_t channel_length; /* 0: none yet */
	const char *library; /* where libflip.so lies; NULL: not to be known */
	struct process *process; /* never NULL */
	struct family *family;	 /* never NULL */
	/*
	 * What the hooks of a forked child ask, and what it is to do, without a page of its own for that:
	 * these are read where fork() has left them.
	 */
	_Atomic int channel_fd;	    /* the last one that this process or one above it had, or -1 */
	_Atomic uint64_t channel_inode;
	_Atomic uint32_t settled;   /* as the family's, but may be 0 when that is 1 */
	_Atomic uint32_t is_pooled; /* the supervisor has been given listeners of this process, and has them */
};

extern struct session session;

/*
 * Makes the maps that fork must treat in its own way. At the first bind() or listen() of a
 * stream socket; any thread, at once from several. False: no memory; flip stays out of the way.
 */
bool session_begin(void);

/*
 * Makes this process a member: connects its channel, installs the handler. Returns true if it is
 * one now. Async-signal-safe; blocks until the supervisor answers, 13 s at most. Any thread; where
 * another one is at it already, `in_handler` does not wait for that: it may be beneath us.
 */
bool session_join(bool in_handler);

/*
 * In the bare face: brings the supervisor to life, at the first listener. Blocks for a millisecond;
 * not async-signal-safe.
 */
void session_summon(void);

/*
 * The generation is the current one: who was kept waiting may go on, and hooks need not report any
 * more, unless they are to `watch_on`. Async-signal-safe.
 */
void session_commit(bool watch_on);

/* No other generation needs files of this one any more. Async-signal-safe. */
void session_own_files(void);

/* From now on this process is none of the service's, and hooks only call libc's functions. For good; its children's, too. */
void session_leave(void);

/* No supervisor, for good: the hooks need not report any more. Returns false. Async-signal-safe. */
bool session_give_up(void);

/* By a hook: sends one short message on the channel, joining first. False: it is lost. */
bool session_tell(unsigned type, uint64_t value);
bool session_tell_values(unsigned type, const uint64_t *values, unsigned n);

/* By a member's handler: the same. Async-signal-safe. */
void session_tell_signal(unsigned type, uint64_t value);

/* Has this process, or one that it came of by fork, a listener? Async-signal-safe. */
bool session_has_family(void);

/* Is this process a child, and not the one that the program was started as? Async-signal-safe. */
bool session_is_forked(void);

/* A copy of fd, close-on-exec, where descriptors of ours live; or a negative errno value. Async-signal-safe. */
int session_duplicate(int fd);

/*
 * Is this number the channel's? The program may have closed it by its own system call, and have something else
 * there. Async-signal-safe.
 */
bool session_has_channel(int fd);

/* Is this process a member, and has its channel? One that has lost it is a stranger now. Async-signal-safe. */
bool session_keeps_channel(void);

/* True if fd is flip's own. Async-signal-safe. */
static inline bool session_owns(int fd)
{
	return unlikely(fd == atomic_load_explicit(&session.channel_fd, memory_order_relaxed)) && fd >= 0 &&
	       session_has_channel(fd);
}

/* The same of the family, which is looked at until it is so. Async-signal-safe. */
bool session_has_settled(void);

/*
 * Do hooks have to report readiness? What every hot path asks first. Also true before the
 * constructor, so that where it is false what that has looked up (real.h) needs no check.
 */
static inline bool session_is_watching(void)
{
	return unlikely(!atomic_load_explicit(&session.settled, memory_order_relaxed)) &&
	       !session_has_settled();
}

/* Is this a new generation, whose listeners are to be had from the supervisor? */
static inline bool session_is_new(void)
{
	return session_is_watching() && session.generation > 1 &&
	       !atomic_load(&session.family->current);
}

/* The same before it has bound anything, which is when it becomes one. */
static inline bool session_may_claim(void)
{
	return unlikely(session.generation > 1 && !atomic_load(&session.family->current));
}

/*
 * May it be given up yet, so that clients are still the old one's? Or is it one that tells when it
 * is ready (postgres turns clients away until then)?
 */
static inline bool session_is_on_trial(void)
{
	return session_is_new() && (!session.alone || session.waits);
}

/* Has the supervisor copies of the listeners, all the time or while they change hands? */
static inline bool session_is_pooled(void)
{
	return unlikely(session.held | atomic_load_explicit(&session.family->shared,
							    memory_order_relaxed));
}

/* It has got them, or has closed its copies. Async-signal-safe. */
static inline void session_note_pooled(bool is_pooled)
{
	atomic_store(&session.family->shared, is_pooled);
	atomic_store(&session.is_pooled, is_pooled);
}

/* Does the supervisor want to hear of listeners that this process closes? */
static inline bool session_is_held(void)
{
	return unlikely(session.held | atomic_load_explicit(&session.is_pooled, memory_order_relaxed)) &&
	       atomic_load(&session.process->state) == PROCESS_MEMBER;
}

/*
 * May a file be needed by another generation, so that it is not for this one alone to remove or
 * replace it? True while a generation starts, while one hands over, and when it is retired.
 */
static inline bool session_shares_files(void)
{
	return unlikely(!atomic_load_explicit(&session.family->files_own, memory_order_relaxed)) &&
	       session.enabled;
}

/* Is this a process of a generation that is to take the place of another one? */
static inline bool session_is_starting(void)
{
	return unlikely(atomic_load_explicit(&session.family->starting, memory_order_relaxed));
}

/*
 * Is a file to be left as it is that another generation has written? The old one's until this has taken over;
 * and, at its end, the new one's (unbound empties its pid file before it removes it).
 */
static inline bool session_may_not_write(void)
{
	return unlikely(atomic_load_explicit(&session.family->starting, memory_order_relaxed) |
			atomic_load_explicit(&session.family->retired, memory_order_relaxed));
}

/* Is there a shared listener that the program believes to be blocking? */
static inline bool session_has_blocking(void)
{
	return unlikely(atomic_load_explicit(&session.family->blocking, memory_order_relaxed));
}

/* May an accept() have to block in our hands, since the listener itself cannot? */
static inline bool session_is_emulating(void)
{
	return unlikely(atomic_load_explicit(&session.family->handed_over, memory_order_relaxed));
}
