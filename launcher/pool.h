/*
 * The listeners that the supervisor holds during a hand-over. It owns their descriptors.
 * One thread; nothing here blocks.
 */
#pragma once

#include "kin.h"
#include "socket_file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

/* Where a socket is to be: an address and, if that is a path, the file that is there (or 0). */
struct pool_place {
	struct sockaddr_storage address; /* zero behind its length */
	socklen_t length;
	uint64_t device, inode;
};

/* An option that a socket has. */
struct pool_option {
	uint8_t length;
	unsigned char value[16]; /* zero behind its length */
};
#define POOL_OPTIONS_MAX 60

struct pool_entry {
	int fd;
	uint64_t inode;
	bool ephemeral;	    /* bound to port 0: nobody will ask for it */
	bool datagram;
	unsigned claims;    /* by processes of the new generation; if held, 1: the current one */
	pid_t holder;	    /* who was last seen to have it, and at which number */
	int holder_fd;
	int64_t lost_ns;    /* nobody has had it since then; 0: somebody has */
	bool is_steered;    /* new ones go to others of its group (steering.h) */
	bool quiet;	    /* new connections are kept away (SO_ATTACH_FILTER) */
	unsigned backlog;   /* before it left its group (pool_leave_groups); 0: it has not */
	struct sockaddr_storage address;
	socklen_t length;
	struct socket_file file; /* of a Unix listener */
	struct pool_option was[POOL_OPTIONS_MAX]; /* to be put back if the upgrade fails; if noted */
	bool is_noted, is_changed;
	unsigned was_backlog;	/* with these; 0: not known */
	bool was_filtered;
	bool was_marked;	/* by LISTENER_BLOCKS, with these */
	struct f_owner_ex was_owner; /* who is sent SIGIO, or this signal (F_SETSIG) */
	int was_signal;
	TAILQ_ENTRY(pool_entry) link;
	RB_ENTRY(pool_entry) by_inode;
};

struct pool {
	TAILQ_HEAD(, pool_entry) entries;
	struct pool_entry *next; /* after the one that was taken last; NULL: the first */
	RB_HEAD(pool_tree, pool_entry) by_inode;
};

/*
 * Takes fd over, or closes it if its socket is there already (several members hold it). Device and
 * inode are those of a Unix listener's file, as its process told, or 0. What is no such socket is
 * closed. False: there is no memory.
 */
bool pool_add(struct pool *pool, int fd, uint64_t inode, bool ephemeral, uint64_t device,
	      uint64_t file_inode);

/*
 * The first unclaimed listener that a socket `fresh_fd`, about to be bound to this place, would be:
 * same family, type, protocol, network namespace, address (or file) and IPV6_V6ONLY. NULL: none.
 * A claimed one that is open in no process of the generation `by` any more was but a probe: the claim
 * is void. Of a SO_REUSEPORT group a claimed one is given again if need be.
 */
struct pool_entry *pool_take(struct pool *pool, int fresh_fd, const struct pool_place *place,
			     struct kin *by);

/* The first of the same kind that `by`, which serves or is retired, has closed and binds again. NULL: none. */
struct pool_entry *pool_take_back(struct pool *pool, int fresh_fd, const struct pool_place *place,
				  struct kin *by);

/* Is it bound to port 0, or a name of the kernel's choice, on this machine: only the server itself knows where? */
bool pool_is_private(const struct pool *pool, const struct pool_entry *entry);

/* To whom would fd come, connected to this place? Of a group some may be claimed: that counts. */
enum pool_reach { REACH_NONE, REACH_UNCLAIMED, REACH_CLAIMED };
enum pool_reach pool_reach(const struct pool *pool, int fd, const struct pool_place *place);

/* The listener with this inode, or with this file; NULL: there is none. */
struct pool_entry *pool_find(struct pool *pool, uint64_t inode);
struct pool_entry *pool_find_file(struct pool *pool, uint64_t device, uint64_t inode);

/* Gives the listener every option that fresh_fd has. */
void pool_carry_options(struct pool_entry *entry, int fresh_fd);

/*
 * Two generations are about to have it: its description, which is theirs together, does not block (a
 * sole one may have let it, see MESSAGE_SOLE).
 */
void pool_unblock(const struct pool_entry *entry);

/*
 * Puts all options, and mode and owner of the files, back as they were, and lets connections in
 * again. For a failed upgrade.
 */
void pool_restore(struct pool *pool);

/*
 * Those of them that somebody could still ask for: not those whose file cannot be reached any more,
 * and not those of which `is_replaced` says so.
 */
unsigned pool_awaited(const struct pool *pool, bool (*is_replaced)(const struct pool_entry *entry));

/*
 * Keeps new connections away from all listeners without refusing them: a SYN is dropped, and its
 * sender tries again. True: clients still wait in a queue, or may be about to; elapsed_ms: since the first call.
 */
bool pool_quiesce_all(struct pool *pool, long elapsed_ms);

/*
 * The same for the listeners that nobody claimed; but where a SO_REUSEPORT group goes on with fewer of
 * them, its clients go to these meanwhile, if that may be (steering.h). True also: who began to connect
 * before, `elapsed_ms` ago, may still come to one. Until pool_leave_groups() or pool_restore().
 */
bool pool_quiesce_unclaimed(struct pool *pool, long elapsed_ms);

/*
 * The old generation has let go. Those of TCP that a smaller SO_REUSEPORT group has left, and that were
 * quiesced, stop listening; who waits in their queues yet goes to the others (migration.h). One that is
 * not quiesced would reset the client that the kernel is about to queue on another processor. Where
 * who waits could not go to others, clients are kept out on. pool_restore() undoes it.
 */
void pool_leave_groups(struct pool *pool);

/*
 * One that no generation has any more: it stops listening, for its group would go on giving it clients.
 * Nothing happens to one that is in none. pool_restore() undoes it.
 */
void pool_leave_group(struct pool_entry *entry);

/*
 * Nobody accepts for a while: as many clients may wait as the kernel allows (net.core.somaxconn).
 * The next generation's own listen() says how many it wants.
 */
void pool_deepen(const struct pool *pool);

/*
 * Nobody has claimed anything: a generation is about to. What options the listeners have is noted now,
 * for who claims one waits for the answer.
 */
void pool_unclaim(struct pool *pool);

/* The current generation has everything, with the options as they are now. */
void pool_settle(struct pool *pool);

/* Keeps new connections away from one, as below, and lets them in again. */
void pool_keep_out(struct pool_entry *entry);
void pool_let_in(struct pool_entry *entry);

/* Closes one. */
void pool_drop(struct pool *pool, struct pool_entry *entry);

/* Does a client wait on a claimed listener right now? */
bool pool_is_readable(const struct pool *pool);

/*
 * At a stop: who says something to a Unix socket of datagrams hears EPIPE from now on, and does not wait for
 * room in a queue that the old server has for its answers only.
 */
void pool_hang_up(struct pool *pool);

/* Closes everything. */
void pool_close(struct pool *pool);
