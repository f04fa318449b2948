/*
 * What a descriptor of this process is to the service, as the kernel and the family's table say
 * together. Async-signal-safe, any thread.
 */
#pragma once

#include "core/listeners.h"
#include "core/protocol.h"

#include <stdbool.h>
#include <stdint.h>

/* Is fd a socket that accepts connections, of the service or not? */
bool listener_accepts(int fd);

/* Is fd a socket of datagrams that is bound for clients (LISTENER_DATAGRAM), and no connected one? */
bool listener_is_datagram(int fd);

/* The key of the address that fd is bound to (core/address.h); 0: none, or it has no key. */
uint32_t listener_key(int fd);

/* One of the two: clients come by it. */
bool listener_is(int fd);

/* The entry of the listener that fd is, and its inode; NULL: it is none of the service's. */
struct listener *listener_of(int fd, uint64_t *inode);

/* The same for a descriptor that may be the placeholder of a retired one. */
struct listener *listener_behind(int fd);

/* Notes a listener of this generation; NULL: no room, it is left alone. */
struct listener *listener_note(uint64_t inode, uint32_t flags);

/* fd is written to. A Unix socket of datagrams that asks before anybody has waited on it is a client, bound for the answers. */
void listener_note_asker(int fd);

/* Is fd a listener that this generation has from the old one, by bind()? */
bool listener_is_claimed(int fd);

/* On trial: is it the old generation's listener yet, whose clients are not ours to take? */
bool listener_is_withheld(int fd);

/*
 * Does the program believe that calls on fd block, while the shared description cannot? Families that share
 * that, too, and not the table, find it in the description itself (LISTENER_BLOCKS). Once they know, they look
 * there no more: the next generation may think otherwise.
 */
bool listener_blocks(int fd);
void listener_set_blocks(struct listener *listener, bool blocks);
void listener_mark_blocks(int fd, bool blocks);

/* The family has got one of another. */
void listener_note_foreign(void);

/* Has it, and may fd be one? Of what is none, such as a connection, there is nothing to note or to learn. */
bool listener_may_be_foreign(int fd);

/*
 * The program has said it of fd, and it was the kernel's word, too: no generation shared it yet. A mark that is
 * found later is another's, unless this program wants to block.
 */
void listener_note_said(int fd, bool blocks);

/* Of such a one: is it shared by now, and the program believes that it blocks? Then that is noted. */
bool listener_learn(int fd);

/*
 * From now on the description behind fd never blocks, for it is another generation's too; what the program
 * asked for is remembered, and accept() gives it that. Whoever gets EAGAIN already finds that in place.
 */
void listener_share(struct listener *listener, int fd);
