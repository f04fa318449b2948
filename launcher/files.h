/*
 * Files that two generations need: the sockets of Unix listeners, and pid files. A hook of the shim
 * asks before it does anything to one; what a starting generation wants done is noted (change.h), and
 * done when that one is the current one, or never. One thread.
 *
 * Files are known by what they are, not by a list of names: a socket by its listener, a pid file by
 * its content, which is nothing but the pid of a process of the service.
 */
#pragma once

#include "core/protocol.h"
#include "pool.h"

#include <sys/socket.h>
#include <sys/types.h>

struct generation;

/*
 * May `peer`, a process of this generation, remove the file, which lies in that directory? Descriptors
 * stay the caller's, here and below.
 */
enum verdict files_unlink(const struct generation *by, const struct ucred *peer, int directory_fd, int file_fd);

/*
 * May it open the file for writing, with these flags of open(2)? fds as MESSAGE_WRITE has them: directory, file,
 * stage. HIDE: it has to write to the stage or, if *former_fd is not -1, to what it wrote to before (stays ours);
 * FAIL: *error; KEEP: the file itself, but it is not to be truncated.
 */
enum verdict files_write(struct generation *by, const struct ucred *peer, const int *fds, int flags,
			 int *former_fd, int *error);

/* May it rename the source to the file? fds as MESSAGE_RENAME has them. */
enum verdict files_rename(const struct generation *by, const struct ucred *peer, const int *fds);

/*
 * May it know that this file exists, or read it? If *former_fd is not -1, that is what it has put in its place
 * so far, and stays ours.
 */
enum verdict files_look(const struct generation *by, int file_fd, bool for_reading, int *former_fd);

/* It has taken over for good, and need ask no more. */
bool files_are_its_own(const struct generation *by);

/* May it know that this process exists? */
enum verdict files_kill(const struct generation *by, pid_t pid);

/* May it find somebody at this place? fd is the socket that it wants to connect there. */
enum verdict files_knock(struct generation *by, int fd, const struct pool_place *place);

/* It has got this listener by bind(): where that has a path, the removal before is void. */
void files_claimed(const struct pool_entry *entry);

/*
 * The old generation is about to let go of its listeners: where it has a path to which the new one
 * has renamed a socket of its own, clients are to come there from now on. Can be undone.
 */
void files_hand_over(void);

/* The new generation is the current one: what it wanted is done. */
void files_settle(void);

/*
 * The service is being stopped, and its listeners are still in the pool: their paths are to go, and
 * have gone when files_finish() returns, after the last process.
 */
void files_stop(void);
/* As well what has not been done yet when the next restart begins: it is no change of that one's. */
void files_finish(void);

/* It has failed: nothing was to happen. */
void files_forget(void);

/* Is another socket to come in this listener's place, so that nobody will claim it? */
bool files_is_replaced(const struct pool_entry *entry);
