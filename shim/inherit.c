#include "inherit.h"

#include "core/procfs.h"
#include "listener.h"
#include "registration.h"
#include "session.h"
#include "sys.h"
#include "waiting.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define PRELOAD "LD_PRELOAD="
#define CHANNEL "FLIP_CHANNEL="
/* "/", a generation, "+aw", and some listeners, each behind what it is. */
#define INODE_ROOM 21
#define CHANNEL_ROOM (sizeof(CHANNEL) + sizeof(struct sockaddr_un) + 16)

/* What is to be known of an inherited listener. Of more than fit it is lost. */
#define BLOCKING ','	/* the program believes that it blocks */
#define NONBLOCKING '!' /* it is known that it does not; else that is as the kernel says */
#define OWN ';'		/* of this generation alone; else clients are the old one's until this is ready */

struct inherited {
	unsigned n, n_marks;
	struct mark {
		char what;
		uint64_t inode;
	} marks[256]; /* two for each listener */
};

static void mark(struct inherited *inherited, char what, uint64_t inode)
{
	if (inherited->n_marks < sizeof(inherited->marks) / sizeof(inherited->marks[0]))
		inherited->marks[inherited->n_marks++] = (struct mark){ what, inode };
}

/*
 * By one that a process of the service has made (SO_PEERCRED of a socketpair(2)), the program may be sent a
 * listener. The first three stand for something else.
 */
static bool may_bring_some(int fd)
{
	int peer = fd > 2 && sys_getsockopt_int(fd, SOL_SOCKET, SO_DOMAIN) == AF_UNIX ? sys_peer(fd) : 0;

	return peer > 0 && sys_getpgid(peer) == sys_getpgid(0);
}

static bool note_inheritable(int fd, void *argument)
{
	struct inherited *inherited = argument;
	uint64_t inode;
	const struct listener *listener = listener_of(fd, &inode);
	uint32_t flags;

	if ((!listener && !may_bring_some(fd)) || sys_fcntl(fd, F_GETFD, 0) & FD_CLOEXEC)
		return true;
	inherited->n++;
	if (!listener)
		return true;
	flags = atomic_load(&listener->flags);
	if (flags & (LISTENER_BLOCKING | LISTENER_KNOWN))
		mark(inherited, flags & LISTENER_BLOCKING ? BLOCKING : NONBLOCKING, inode);
	if (!(flags & LISTENER_CLAIMED))
		mark(inherited, OWN, inode);
	return true;
}

static bool is_variable(const char *variable, const char *name)
{
	return strncmp(variable, name, strlen(name)) == 0;
}

static bool has_inheritable(struct inherited *inherited)
{
	if (session_has_family())
		descriptor_each(-1, note_inheritable, inherited);
	return inherited->n;
}

/*
 * What flip has started becomes the server, however clean its environment is to be (env -i), and though a script
 * has set LD_PRELOAD to something else (an allocator). It leads a process group, and is a child of the supervisor,
 * whose pid the channel's name begins with.
 */
static bool is_to_be_the_server(char *const *environment)
{
	const struct sockaddr_un *address = (const struct sockaddr_un *)&session.channel_address;
	bool has_channel = false, has_library = false;

	if (session_has_family() || sys_getpgid(0) != sys_getpid() ||
	    sys_getppid() != (int)strtoul(address->sun_path + sizeof("flip-"), NULL, 10))
		return false;
	for (size_t i = 0; environment && environment[i]; i++) {
		has_channel |= is_variable(environment[i], CHANNEL);
		has_library |= is_variable(environment[i], PRELOAD) && strstr(environment[i], session.library);
	}
	return !has_channel || !has_library;
}

size_t inherit_room(char *const *environment, bool becomes)
{
	struct inherited inherited = { 0 };
	size_t n = 0, room = 0;

	if (!session.channel_length || !session.library ||
	    (!has_inheritable(&inherited) && !(becomes && is_to_be_the_server(environment))))
		return 0;
	for (; environment && environment[n]; n++)
		if (is_variable(environment[n], PRELOAD))
			room += strlen(environment[n]);
	return room + (n + 3) * sizeof(char *) + sizeof(PRELOAD) + strlen(session.library) + 1 +
	       CHANNEL_ROOM + inherited.n_marks * INODE_ROOM;
}

/* Decimal, for numbers that fit no unsigned. */
static char *put_number(char *at, uint64_t number)
{
	char digits[20];
	int n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while (number /= 10);
	while (n > 0)
		*at++ = digits[--n];
	return at;
}

/* FLIP_CHANNEL=NAME/GENERATION[+][a][w][,INODE|!INODE|;INODE]...: see session.c. */
static void put_channel(char *at, const char *end)
{
	const struct sockaddr_un *address = (const struct sockaddr_un *)&session.channel_address;
	size_t length = session.channel_length - offsetof(struct sockaddr_un, sun_path) - 1;
	struct inherited inherited = { 0 };

	at = stpcpy(at, CHANNEL);
	memcpy(at, address->sun_path + 1, length);
	at += length;
	*at++ = '/';
	at = put_number(at, session.generation);
	if (session.held)
		*at++ = '+';
	if (session.alone)
		*at++ = 'a';
	if (session.waits)
		*at++ = 'w';
	descriptor_each(-1, note_inheritable, &inherited);
	/* They may have become more since the room was measured. */
	for (unsigned i = 0; i < inherited.n_marks && end - at > INODE_ROOM; i++) {
		*at++ = inherited.marks[i].what;
		at = put_number(at, inherited.marks[i].inode);
	}
	*at = '\0';
}

char *const *inherit_environment(char *const *environment, void *memory, size_t room)
{
	char **table = memory, *text;
	const char *others = "";
	size_t n = 0, kept = 0;

	while (environment && environment[n])
		n++;
	text = (char *)(table + n + 3);
	for (size_t i = 0; i < n; i++) {
		if (is_variable(environment[i], PRELOAD))
			others = environment[i] + strlen(PRELOAD);
		else if (!is_variable(environment[i], CHANNEL))
			table[kept++] = environment[i];
	}
	table[kept++] = text;
	text = stpcpy(stpcpy(text, PRELOAD), session.library);
	/* Named already: the environment was not stripped. */
	if (*others && !strstr(others, session.library))
		text = stpcpy(stpcpy(text, ":"), others);
	table[kept++] = ++text;
	table[kept] = NULL;
	put_channel(text, (char *)memory + room);
	return table;
}

/* Was it marked so by the program before? */
static bool was(char what, uint64_t inode)
{
	const char *text = getenv("FLIP_CHANNEL");

	while (text && (text = strchr(text, what)))
		if (strtoull(++text, NULL, 10) == inode)
			return true;
	return false;
}

/* Others of the generation have it, too, and are not of our family. */
static struct listener *note(int fd, uint64_t inode, bool is_claimed)
{
	struct listener *listener = listener_note(inode, is_claimed ? LISTENER_CLAIMED : 0);

	if (!listener)
		return NULL;
	listeners_add_key(&session.family->listeners, listener_key(fd));
	listener_note_foreign();
	if (is_claimed)
		atomic_store(&session.family->handed_over, 1);
	return listener;
}

static bool note_inherited(int fd, void *unused)
{
	struct listener *listener;
	uint64_t inode;

	(void)unused;
	if (!listener_accepts(fd) || !session_begin())
		return true;
	inode = sys_inode(fd);
	listener = note(fd, inode, session.generation > 1 && !was(OWN, inode));
	if (!listener)
		return true;
	if (was(BLOCKING, inode)) {
		atomic_store(&session.family->handed_over, 1);
		listener_set_blocks(listener, true);
	} else if (was(NONBLOCKING, inode) ||
		   (sys_fcntl(fd, F_GETFL, 0) & (O_NONBLOCK | LISTENER_BLOCKS)) == O_NONBLOCK) {
		listener_note_said(fd, false);
	} else {
		(void)listener_learn(fd);
	}
	return true;
}

void inherit_begin(void)
{
	descriptor_each(-1, note_inherited, NULL);
}

/*
 * Is it the old generation's yet? All those do not block, since it has shared them. By a Unix socket the processes
 * of the server may talk while they start, and must not be kept waiting.
 */
static bool may_be_the_old_ones(int fd)
{
	return session.generation > 1 && !atomic_load(&session.family->current) &&
	       sys_fcntl(fd, F_GETFL, 0) & O_NONBLOCK &&
	       sys_getsockopt_int(fd, SOL_SOCKET, SO_DOMAIN) != AF_UNIX;
}

static void note_received(int fd)
{
	told_forget(fd);
	if (listener_accepts(fd) && session_begin() &&
	    !listeners_find(&session.family->listeners, sys_inode(fd)) &&
	    note(fd, sys_inode(fd), may_be_the_old_ones(fd)))
		(void)listener_learn(fd);
}

void inherit_received_from(const struct msghdr *message)
{
	struct msghdr *all = (struct msghdr *)message;
	int fd;

	/* In the bare face, in a process that was there before the supervisor, nobody is to be told. */
	for (struct cmsghdr *one = session.enabled && session.channel_length ? CMSG_FIRSTHDR(all) : NULL; one;
	     one = CMSG_NXTHDR(all, one))
		for (size_t at = CMSG_LEN(0); one->cmsg_level == SOL_SOCKET && one->cmsg_type == SCM_RIGHTS &&
					      at + sizeof(fd) <= one->cmsg_len;
		     at += sizeof(fd)) {
			memcpy(&fd, (char *)one + at, sizeof(fd));
			note_received(fd);
		}
}
