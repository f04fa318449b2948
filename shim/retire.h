/*
 * What the supervisor's messages make this process do to its own descriptors. The kernel is asked
 * each time what they are (proc_fd as in registration.h): nothing is tracked.
 *
 * All run in the handler of flip's signal: async-signal-safe, no lock, no heap; one thread at a
 * time (channel_process sees to that), while the program's other threads run on.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/*
 * Sends every listener of this process to the supervisor, which from now on shares them. Answers
 * UNABLE where the process has no descriptor left to look through the others with.
 */
void retire_collect(int channel_fd, int proc_fd);

/* Before retire_begin(): these listeners (inodes, PROTOCOL_FDS_MAX at most) are not let go of. */
void retire_keep(const uint64_t *inodes, unsigned n);

/*
 * Lets go of the listeners for good: each is taken out of the epoll sets, its number is given to
 * a silent placeholder, and every thread that may still be inside a call on it is woken. Answers
 * RETIRED when the last of them has looked up, and says with it that no connection is open where it
 * is alone and has seen no other socket. Told again, it wakes again those still inside.
 * No answer: no descriptor is left for it; it is tried again when told, and at each PROBE. is_alone: in
 * place, so that nobody else reads; a socket of datagrams stays, and only epoll sets say no more of it.
 */
void retire_begin(int channel_fd, int proc_fd, bool is_alone);

/* By the handler, in a thread that was woken with this epoch: the last one answers RETIRED. */
void retire_thread_passed(uint32_t epoch);

/* Undoes it: listeners[i] has inodes[i]; `more` messages follow. The last answers RESUMED. */
void retire_resume(int proc_fd, const int *listeners, const uint64_t *inodes, unsigned n,
		   bool more);

/* Makes every epoll set look again whether a client waits on a listener. */
void retire_rearm(int proc_fd);

/* Answers CONNECTIONS: how many are open or, unless all are to be counted, whether any is. */
void retire_probe(int channel_fd, int proc_fd, bool count_all);

/* The same, for whoever asks. */
uint64_t retire_count(int proc_fd, bool count_all);

/*
 * Ends a process of one thread by exit(0) when that waits, if `stop_signal` would only kill it. False: the program
 * has a handler for that signal, or it is to be sent for another reason.
 */
bool retire_end(int proc_fd, int stop_signal);

/* The same when the supervisor says so; answers LEAVING. */
void retire_leave(int channel_fd, int proc_fd, int stop_signal);

/*
 * Is fd a socket of datagrams that a retired process has kept (is_alone)? Then `quiet` is what an epoll
 * set is to be given instead of event: not to tell of any more.
 */
bool retire_quietens(int fd, const struct epoll_event *event, struct epoll_event *quiet);

/* Has this process let go of its listeners? */
bool retire_is_retired(void);

/*
 * An epoll set did not know a descriptor: was that because another thread just takes its listeners
 * out, or puts something in their place? Waits for the end of it. Not in a handler.
 */
bool retire_has_changed(void);

/* By the hook of a wait call: has the process been told to end? Does not return then. */
void retire_leave_now(void);

/*
 * A retired process binds an address anew that it has let go of (varnish does at its end, a master for
 * the worker that it replaces): true if it is one, and fd, a socket, is its placeholder now.
 */
bool retire_bind(int fd, const struct sockaddr *address, socklen_t length);

/*
 * The program shuts down a listener that it has let go of, mostly to wake its threads that wait there: they hear
 * what they would hear of one that is shut down. Nothing happens if fd is none.
 */
void retire_shut(int fd);

/*
 * fd has become a listener of the service in a process that is retired, or just became it (nobody saw
 * a listener that was on its way here): it is its placeholder now.
 */
void retire_let_go_of(int fd);

/*
 * The inode of the listener that the placeholder fd stands for; 0 if fd is none.
 * Async-signal-safe, any thread.
 */
uint64_t retire_inode_behind(int fd);

/* This process has none of the placeholders, and has to do with them no more. */
void retire_forget(void);

/* Of the placeholder fd: the real socket of datagrams, which may still send; -1: none. */
int retire_sender(int fd);

/* The address of that listener, with its length; NULL if fd is no placeholder. */
const struct sockaddr_storage *retire_address(int fd, socklen_t *length);

/* What getsockopt() says of that listener (SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN); -1: ask the kernel. */
int retire_option(int fd, int name);

/* The SO_RCVTIMEO of fd or, for a placeholder, of what it stands for; -1: none. */
int retire_timeout_ms(int fd);
