/*
 * The listeners of a generation, by inode: a table of fixed size that several processes share and
 * that needs no lock. An entry is never removed; a closed socket's inode just never comes again.
 * Pure, async-signal-safe, any thread.
 */
#pragma once

#include "address.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LISTENERS_MAX 8192 /* a power of two; full means: pass through */

enum listener_flag {
	LISTENER_BLOCKING = 1,  /* the program has not set O_NONBLOCK */
	LISTENER_WAITED = 2,    /* somebody was seen to wait on it */
	LISTENER_EPHEMERAL = 4, /* bound to port 0: has no address to be known by */
	LISTENER_ANNOUNCED = 8,
	LISTENER_DATAGRAM = 16, /* is bound for clients, without connections to accept */
	LISTENER_CLAIMED = 32,	/* was the old generation's, whose clients come by it until we are current */
	LISTENER_SHARING = 64,	/* whether it blocks is being found out (listener_share()) */
	LISTENER_KNOWN = 128,	/* whether it blocks is in the table; what is marked there may be of another generation */
	LISTENER_LOCAL = 256,	/* one of datagrams that is a Unix socket */
};

struct listener {
	_Atomic uint64_t inode; /* 0: free */
	_Atomic uint32_t flags;
	_Atomic uint32_t turns; /* to wait for its next client (turns.h) */
};

struct listeners {
	struct listener slot[LISTENERS_MAX];
	/* Where they are bound (address_key()), a bit each: whose connections count in a drain. */
	_Atomic uint64_t keys[ADDRESS_KEYS / 64];
};

/* The entry of a socket, or NULL. */
struct listener *listeners_find(struct listeners *listeners, uint64_t inode);

/* The entry of a socket, made with these flags if it is new. NULL: inode is 0, or table full. */
struct listener *listeners_add(struct listeners *listeners, uint64_t inode, uint32_t flags);

void listeners_add_key(struct listeners *listeners, uint32_t key);
bool listeners_has_key(struct listeners *listeners, uint32_t key);
