#include "pool.h"

#include "core/address.h"
#include "core/protocol.h"
#include "migration.h"
#include "steering.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef TCP_MSS_DEFAULT
#define TCP_MSS_DEFAULT 536 /* linux/tcp.h */
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72 /* Linux 5.14 */
#endif

/* How long who began to connect, or has looked a path up, may take yet: from this machine, and from elsewhere. */
#define LOCAL_MS 2
#define HANDSHAKE_MS 200

/*
 * What a program may have set on a socket before bind(). The new version's word counts, also where
 * it does not set any more what the old one did. A size given for a buffer is doubled by the
 * kernel (socket(7)), and setting one locks it: hence the lock's state comes after.
 */
static const struct {
	int level, option;
	bool doubled;
} options[] = {
	{ SOL_SOCKET, SO_REUSEADDR, false },
	{ SOL_SOCKET, SO_REUSEPORT, false },
	{ SOL_SOCKET, SO_KEEPALIVE, false },
	{ SOL_SOCKET, SO_LINGER, false },
	{ SOL_SOCKET, SO_OOBINLINE, false },
	{ SOL_SOCKET, SO_BROADCAST, false },
	{ SOL_SOCKET, SO_DONTROUTE, false },
	{ SOL_SOCKET, SO_TIMESTAMP, false },
	{ SOL_SOCKET, SO_PASSCRED, false }, /* of Unix sockets, as the next */
	{ SOL_SOCKET, SO_PASSSEC, false },
	{ SOL_SOCKET, SO_ZEROCOPY, false },
	{ SOL_SOCKET, SO_BINDTODEVICE, false },
	{ SOL_SOCKET, SO_MARK, false },
	{ SOL_SOCKET, SO_RCVLOWAT, false },
	{ SOL_SOCKET, SO_RCVTIMEO, false },
	{ SOL_SOCKET, SO_SNDTIMEO, false },
	{ SOL_SOCKET, SO_RCVBUF, true },
	{ SOL_SOCKET, SO_SNDBUF, true },
	{ SOL_SOCKET, SO_BUF_LOCK, false },
	{ SOL_SOCKET, SO_BUSY_POLL, false },
	{ SOL_SOCKET, SO_INCOMING_CPU, false },
	{ IPPROTO_IP, IP_TOS, false },
	{ SOL_SOCKET, SO_PRIORITY, false }, /* after IP_TOS, which sets it */
	{ IPPROTO_IP, IP_TTL, false },
	{ IPPROTO_IP, IP_RECVTOS, false },
	{ IPPROTO_IP, IP_RECVTTL, false },
	{ IPPROTO_IP, IP_PKTINFO, false },
	{ IPPROTO_IPV6, IPV6_RECVPKTINFO, false },
	{ IPPROTO_IP, IP_TRANSPARENT, false },
	{ IPPROTO_IP, IP_FREEBIND, false },
	{ IPPROTO_IP, IP_MTU_DISCOVER, false },
	{ IPPROTO_IP, IP_MINTTL, false },
	{ IPPROTO_IP, IP_RECVERR, false },
	{ IPPROTO_IP, IP_MULTICAST_TTL, false },
	{ IPPROTO_IP, IP_MULTICAST_LOOP, false },
	{ IPPROTO_IP, IP_MULTICAST_ALL, false },
	{ IPPROTO_IPV6, IPV6_TCLASS, false },
	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS, false },
	{ IPPROTO_IPV6, IPV6_MTU_DISCOVER, false },
	{ IPPROTO_IPV6, IPV6_RECVERR, false },
	{ IPPROTO_IPV6, IPV6_MULTICAST_IF, false },
	{ IPPROTO_IPV6, IPV6_MULTICAST_HOPS, false },
	{ IPPROTO_IPV6, IPV6_MULTICAST_LOOP, false },
	{ IPPROTO_IPV6, IPV6_MULTICAST_ALL, false },
	{ IPPROTO_TCP, TCP_NODELAY, false },
	{ IPPROTO_TCP, TCP_MAXSEG, false },
	{ IPPROTO_TCP, TCP_KEEPIDLE, false },
	{ IPPROTO_TCP, TCP_KEEPINTVL, false },
	{ IPPROTO_TCP, TCP_KEEPCNT, false },
	{ IPPROTO_TCP, TCP_SYNCNT, false },
	{ IPPROTO_TCP, TCP_LINGER2, false },
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT, false },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP, false },
	{ IPPROTO_TCP, TCP_CONGESTION, false },
	{ IPPROTO_TCP, TCP_FASTOPEN, false },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, false },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, false },
};
#define NO_OPTION 255 /* as its length */
#define N_OPTIONS (sizeof(options) / sizeof(*options))
_Static_assert(N_OPTIONS <= POOL_OPTIONS_MAX, "a pool entry has room for every option");

static int option_int(int fd, int level, int option)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return getsockopt(fd, level, option, &value, &length) == 0 ? value : -1;
}

static uint64_t network_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) == 0 ? cookie : 0;
}

static int entry_compare(const struct pool_entry *one, const struct pool_entry *other)
{
	return (one->inode > other->inode) - (one->inode < other->inode);
}

/* As RB_GENERATE_STATIC, whose __unused is a name of the Linux headers. */
RB_GENERATE_INTERNAL(pool_tree, pool_entry, by_inode, entry_compare, static __attribute__((unused)))

struct pool_entry *pool_find(struct pool *pool, uint64_t inode)
{
	return RB_FIND(pool_tree, &pool->by_inode, &(struct pool_entry){ .inode = inode });
}

/* The number may mean another file since the listener was found there. */
static bool is_socket(int fd, uint64_t inode)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) && status.st_ino == inode;
}

bool pool_add(struct pool *pool, int fd, uint64_t inode, bool ephemeral, uint64_t device,
	      uint64_t file_inode)
{
	bool is_known = pool_find(pool, inode);
	struct pool_entry *entry = is_known ? NULL : calloc(1, sizeof(*entry));
	socklen_t length = sizeof(entry->address);

	if (!entry) {
		close(fd);
		return is_known;
	}
	if (!is_socket(fd, inode) ||
	    getsockname(fd, (struct sockaddr *)&entry->address, &length) != 0) {
		free(entry);
		close(fd);
		return true;
	}
	entry->fd = fd;
	entry->inode = inode;
	entry->ephemeral = ephemeral;
	entry->datagram = option_int(fd, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM;
	entry->length = length;
	socket_file_find(&entry->file, fd, device, file_inode);
	TAILQ_INSERT_TAIL(&pool->entries, entry, link);
	RB_INSERT(pool_tree, &pool->by_inode, entry);
	return true;
}

static bool is_same_kind(int fd, int fresh_fd)
{
	static const int kinds[] = { SO_DOMAIN, SO_TYPE, SO_PROTOCOL };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (option_int(fd, SOL_SOCKET, kinds[i]) != option_int(fresh_fd, SOL_SOCKET, kinds[i]))
			return false;
	return network_of(fd) == network_of(fresh_fd);
}

/*
 * Only on :: does IPV6_V6ONLY tell one listener from another: bind() to any other address of IPv6
 * sets it by itself, so that the fresh socket has it not yet.
 */
static bool is_same_v6only(const struct pool_entry *entry, int fresh_fd)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&entry->address;

	return in6->sin6_family != AF_INET6 || !IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr) ||
	       option_int(entry->fd, IPPROTO_IPV6, IPV6_V6ONLY) ==
		       option_int(fresh_fd, IPPROTO_IPV6, IPV6_V6ONLY);
}

/* "": none. */
static void device_of(int fd, char name[IFNAMSIZ])
{
	socklen_t length = IFNAMSIZ;

	name[0] = '\0';
	getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length);
}

static bool is_same_device(int fd, int other_fd)
{
	char name[IFNAMSIZ], other[IFNAMSIZ];

	device_of(fd, name);
	device_of(other_fd, other);
	return strncmp(name, other, sizeof(name)) == 0;
}

/* A Unix path is known by its file; an abstract name counts with its length (unix(7)). */
static bool is_at(const struct pool_entry *entry, const struct pool_place *place)
{
	if (entry->file.exists)
		return socket_file_is(&entry->file, place->device, place->inode);
	return address_equal((const struct sockaddr *)&entry->address,
			     (const struct sockaddr *)&place->address) &&
	       (place->address.ss_family != AF_UNIX || entry->length == place->length);
}

static bool is_same_place(const struct pool_entry *entry, int fresh_fd,
			  const struct pool_place *place)
{
	return !entry->ephemeral && is_at(entry, place) && is_same_kind(entry->fd, fresh_fd) &&
	       is_same_v6only(entry, fresh_fd);
}

/* Where one address has a listener for each device, each is its own; else a new version may want another device. */
static bool is_of_another_device(const struct pool *pool, const struct pool_entry *entry, int fresh_fd,
				 const struct pool_place *place)
{
	const struct pool_entry *other;

	if (is_same_device(entry->fd, fresh_fd))
		return false;
	TAILQ_FOREACH(other, &pool->entries, link)
		if (is_same_place(other, fresh_fd, place) && is_same_device(other->fd, fresh_fd))
			return true;
	return false;
}

/* Bound to all addresses, among them those by which the machine reaches itself. */
static bool is_everywhere(const struct pool_entry *entry, sa_family_t family)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&entry->address;

	if (six->sin6_family == AF_INET)
		return family == AF_INET && address_is_any(&entry->address);
	return six->sin6_family == AF_INET6 && address_is_any(&entry->address) &&
	       (family == AF_INET6 || !option_int(entry->fd, IPPROTO_IPV6, IPV6_V6ONLY));
}

static bool is_reached(const struct pool_entry *entry, int fd, const struct pool_place *place)
{
	const struct sockaddr *to = (const struct sockaddr *)&place->address;

	if (to->sa_family == AF_UNIX)
		return is_same_place(entry, fd, place);
	return !entry->datagram && network_of(entry->fd) == network_of(fd) &&
	       address_port((const struct sockaddr *)&entry->address) == address_port(to) &&
	       (is_at(entry, place) || (is_everywhere(entry, to->sa_family) &&
					(address_is_any(&place->address) || address_is_local(&place->address))));
}

enum pool_reach pool_reach(const struct pool *pool, int fd, const struct pool_place *place)
{
	const struct pool_entry *entry;
	enum pool_reach reach = REACH_NONE;

	TAILQ_FOREACH(entry, &pool->entries, link) {
		if (!is_reached(entry, fd, place))
			continue;
		if (entry->claims)
			return REACH_CLAIMED;
		reach = REACH_UNCLAIMED;
	}
	return reach;
}

static bool is_unix_datagram(const struct pool_entry *entry)
{
	return entry->datagram && entry->address.ss_family == AF_UNIX;
}

/* Of what the processes of a server may say to each other, and not its clients. */
static bool is_for_itself(const struct pool_entry *entry)
{
	return is_unix_datagram(entry) ||
	       (entry->ephemeral && !entry->datagram && address_is_local(&entry->address));
}

bool pool_is_private(const struct pool *pool, const struct pool_entry *entry)
{
	const struct pool_entry *other;

	/* Where it has no other, it is for clients. */
	TAILQ_FOREACH(other, &pool->entries, link)
		if (!is_for_itself(other))
			return is_for_itself(entry);
	return false;
}

struct pool_entry *pool_find_file(struct pool *pool, uint64_t device, uint64_t inode)
{
	struct pool_entry *entry;

	TAILQ_FOREACH(entry, &pool->entries, link)
		if (socket_file_is(&entry->file, device, inode) && !pool_is_private(pool, entry))
			return entry;
	return NULL;
}

/*
 * A SO_REUSEPORT group that is larger than before: its new member gets the queue of another one. A
 * socket of its own would be given clients at once, which were lost if the upgrade were given up.
 */
static bool may_share(const struct pool_entry *entry, int fresh_fd)
{
	return option_int(fresh_fd, SOL_SOCKET, SO_REUSEPORT) == 1 &&
	       option_int(entry->fd, SOL_SOCKET, SO_REUSEPORT) == 1;
}

static struct pool_entry *next_in_circle(const struct pool *pool, const struct pool_entry *entry)
{
	struct pool_entry *next = TAILQ_NEXT(entry, link);

	return next ? next : TAILQ_FIRST(&pool->entries);
}

struct pool_entry *pool_take(struct pool *pool, int fresh_fd, const struct pool_place *place,
			     struct kin *by)
{
	/* A program binds them in the same order each time: the one that it wants mostly comes next. */
	struct pool_entry *first = pool->next ? pool->next : TAILQ_FIRST(&pool->entries);
	struct pool_entry *entry, *next, *best = NULL;
	bool is_probe;

	for (entry = first; entry; entry = next == first ? NULL : next) {
		next = next_in_circle(pool, entry);
		if (!is_same_place(entry, fresh_fd, place) || pool_is_private(pool, entry) ||
		    is_of_another_device(pool, entry, fresh_fd, place))
			continue;
		if (!entry->claims) {
			pool->next = next;
			return entry;
		}
		is_probe = !kin_holds(by, entry->inode);
		if (is_probe)
			entry->claims = 1;
		if ((is_probe || may_share(entry, fresh_fd)) && (!best || entry->claims < best->claims))
			best = entry;
	}
	return best;
}

struct pool_entry *pool_take_back(struct pool *pool, int fresh_fd, const struct pool_place *place,
				  struct kin *by)
{
	struct pool_entry *entry;

	/* Another of its SO_REUSEPORT group is to be one of its own. */
	TAILQ_FOREACH(entry, &pool->entries, link)
		if (is_same_place(entry, fresh_fd, place) && is_same_device(entry->fd, fresh_fd) &&
		    !kin_holds(by, entry->inode))
			return entry;
	return NULL;
}

static int set_option(int fd, unsigned index, const void *value, socklen_t length)
{
	int number = 0;
	bool is_segment = options[index].level == IPPROTO_TCP && options[index].option == TCP_MAXSEG;

	if (!options[index].doubled && !is_segment)
		return setsockopt(fd, options[index].level, options[index].option, value, length);
	memcpy(&number, value, sizeof(number));
	/* Of a socket that has no wish the kernel tells its default, which set would be one. */
	number = is_segment ? (number == TCP_MSS_DEFAULT ? 0 : number) : number / 2;
	return setsockopt(fd, options[index].level, options[index].option, &number, sizeof(number));
}

/* False: a socket of its kind has no such option. */
static bool option_get(int fd, unsigned index, struct pool_option *option)
{
	socklen_t length = sizeof(option->value);

	*option = (struct pool_option){ .length = NO_OPTION };
	if (getsockopt(fd, options[index].level, options[index].option, option->value, &length) != 0)
		return false;
	option->length = (uint8_t)length;
	return true;
}

static bool is_equal(const struct pool_option *one, const struct pool_option *other)
{
	return memcmp(one->value, other->value, sizeof(one->value)) == 0;
}

/* One option may have set another: what it is by now counts. */
static void option_make(int fd, unsigned index, const struct pool_option *wanted)
{
	struct pool_option now;

	if (option_get(fd, index, &now) && !is_equal(&now, wanted))
		set_option(fd, index, wanted->value, wanted->length);
}

/* Of a TCP listener; 0: it is none. */
static unsigned backlog_of(const struct pool_entry *entry)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);

	/* tcp_get_info() in the kernel: Linux 2.6.24. */
	return getsockopt(entry->fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 && info.tcpi_state == TCP_LISTEN ?
		       info.tcpi_sacked :
		       0;
}

/* One of the program's own, in whose place ours would be, and after it none. */
static bool has_filter(int fd)
{
	socklen_t n = 0;

	return getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &n) != 0 || n > 0;
}

static void options_note(struct pool_entry *entry)
{
	if (entry->is_noted)
		return;
	for (unsigned i = 0; i < N_OPTIONS; i++)
		option_get(entry->fd, i, &entry->was[i]);
	entry->was_filtered = has_filter(entry->fd);
	entry->was_backlog = backlog_of(entry);
	entry->was_marked = fcntl(entry->fd, F_GETFL) & LISTENER_BLOCKS;
	entry->was_signal = fcntl(entry->fd, F_GETSIG);
	fcntl(entry->fd, F_GETOWN_EX, &entry->was_owner);
	entry->is_noted = true;
}

void pool_carry_options(struct pool_entry *entry, int fresh_fd)
{
	struct pool_option wanted;

	options_note(entry);
	for (unsigned i = 0; i < N_OPTIONS; i++) {
		if (entry->was[i].length == NO_OPTION || !option_get(fresh_fd, i, &wanted) ||
		    (!entry->is_changed && is_equal(&wanted, &entry->was[i])))
			continue;
		entry->is_changed = true;
		option_make(entry->fd, i, &wanted);
	}
}

/* A server that accepts in a signal's handler sleeps if another process is told of its clients. */
static void owner_restore(const struct pool_entry *entry)
{
	struct f_owner_ex owner = { 0 };

	if (fcntl(entry->fd, F_GETSIG) != entry->was_signal)
		fcntl(entry->fd, F_SETSIG, entry->was_signal);
	if (fcntl(entry->fd, F_GETOWN_EX, &owner) == 0 &&
	    (owner.type != entry->was_owner.type || owner.pid != entry->was_owner.pid))
		fcntl(entry->fd, F_SETOWN_EX, &entry->was_owner);
}

/* What a version that has failed set itself, too, after bind(). */
static void options_restore(struct pool_entry *entry)
{
	for (unsigned i = 0; i < N_OPTIONS && entry->is_noted; i++)
		if (entry->was[i].length != NO_OPTION)
			option_make(entry->fd, i, &entry->was[i]);
	if (entry->is_noted) {
		if (entry->was_backlog && backlog_of(entry) != entry->was_backlog)
			listen(entry->fd, (int)entry->was_backlog);
		if (!entry->was_filtered && has_filter(entry->fd))
			setsockopt(entry->fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){ 0 }, sizeof(int));
		fcntl(entry->fd, F_SETFL,
		      (fcntl(entry->fd, F_GETFL) & ~LISTENER_BLOCKS) | (entry->was_marked ? LISTENER_BLOCKS : 0));
		owner_restore(entry);
	}
	entry->is_noted = entry->is_changed = false;
}

/* What is still open, and in its group, has clients again. */
static void unsteer(struct pool *pool)
{
	struct pool_entry *entry;

	TAILQ_FOREACH(entry, &pool->entries, link)
		entry->is_steered = false;
	steering_end();
}

void pool_let_in(struct pool_entry *entry)
{
	int unused = 0;

	if (entry->quiet)
		setsockopt(entry->fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
	entry->quiet = false;
}

void pool_unblock(const struct pool_entry *entry)
{
	fcntl(entry->fd, F_SETFL, fcntl(entry->fd, F_GETFL) | O_NONBLOCK);
}

void pool_restore(struct pool *pool)
{
	struct pool_entry *entry;

	TAILQ_FOREACH(entry, &pool->entries, link) {
		pool_unblock(entry);
		if (entry->backlog)
			listen(entry->fd, (int)entry->backlog);
		entry->backlog = 0;
		options_restore(entry);
		socket_file_restore(&entry->file);
		pool_let_in(entry);
	}
	migration_end();
	unsteer(pool);
}

unsigned pool_awaited(const struct pool *pool, bool (*is_replaced)(const struct pool_entry *entry))
{
	const struct pool_entry *entry;
	unsigned n = 0;

	TAILQ_FOREACH(entry, &pool->entries, link)
		n += !entry->claims && !entry->ephemeral && !pool_is_private(pool, entry) &&
		     (!entry->file.exists || socket_file_is_linked(&entry->file)) &&
		     !is_replaced(entry);
	return n;
}

static bool is_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) > 0 && poll_fd.revents & POLLIN;
}

/*
 * A Unix socket has no filter for those who connect. With the shortest queue they wait before it, and
 * are refused in the end; how long it was before is not to be known, so this is for a stop only.
 */
static void shorten_queue(struct pool_entry *entry)
{
	if (entry->address.ss_family == AF_UNIX && !entry->quiet)
		entry->quiet = listen(entry->fd, 0) == 0;
}

/*
 * The filter sees the header of TCP or UDP (sk_filter in the kernel). A SYN is dropped; what
 * belongs to a handshake that has begun comes through, so that this client is served yet.
 */
void pool_keep_out(struct pool_entry *entry)
{
	struct sock_filter no_syn[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct tcphdr, th_flags)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TH_SYN | TH_ACK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TH_SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { sizeof(no_syn) / sizeof(*no_syn), no_syn };

	/* Who says something to a Unix socket would not hear that nobody did. */
	if (is_unix_datagram(entry) || has_filter(entry->fd))
		return;
	if (entry->datagram)
		program = (struct sock_fprog){ 1, &nothing };
	if (!entry->quiet && setsockopt(entry->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
					sizeof(program)) == 0)
		entry->quiet = true;
}

static bool is_of_group(const struct pool_entry *one, const struct pool_entry *other)
{
	return other->datagram == one->datagram &&
	       address_equal((const struct sockaddr *)&other->address,
			     (const struct sockaddr *)&one->address) &&
	       is_same_device(other->fd, one->fd) && is_same_v6only(other, one->fd) &&
	       network_of(other->fd) == network_of(one->fd);
}

/* Others of its SO_REUSEPORT group go on: a datagram that was dropped here would be theirs. */
static bool has_claimed_sibling(const struct pool *pool, const struct pool_entry *entry)
{
	const struct pool_entry *other;

	TAILQ_FOREACH(other, &pool->entries, link)
		if (other->claims && is_of_group(entry, other))
			return true;
	return false;
}

/* A supervisor stays in its network: asked once, for it is asked about each listener of a group. */
static bool is_own_network(int fd)
{
	static uint64_t own_network;
	int own;

	if (!own_network && (own = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0) {
		own_network = network_of(own);
		close(own);
	}
	return own_network == network_of(fd);
}

/* Does it listen by TCP, and has a group that has become smaller no place for it? */
static bool is_left_over(const struct pool *pool, const struct pool_entry *entry)
{
	return !entry->claims && !entry->backlog && !entry->datagram &&
	       entry->address.ss_family != AF_UNIX && has_claimed_sibling(pool, entry);
}

/* The clients of its group go to those that were claimed. */
static bool steer(const struct pool *pool, const struct pool_entry *left_over)
{
	struct steering steering = {
		.address = (const struct sockaddr *)&left_over->address,
		.v6only = option_int(left_over->fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1,
	};
	const struct pool_entry *entry;
	char device[IFNAMSIZ];
	unsigned n = 0;
	int *fds;
	bool is_done;

	device_of(left_over->fd, device);
	if (!is_own_network(left_over->fd) || device[0])
		return false;
	TAILQ_FOREACH(entry, &pool->entries, link)
		steering.n_all += !entry->backlog && is_of_group(left_over, entry);
	fds = malloc(steering.n_all * sizeof(*fds));
	TAILQ_FOREACH(entry, &pool->entries, link)
		if (fds && entry->claims && is_of_group(left_over, entry))
			fds[n++] = entry->fd;
	steering.fds = fds;
	steering.n_fds = n;
	is_done = fds && steering_add(&steering);
	free(fds);
	return is_done;
}

/* No more clients come to those that its group leaves: they go to the rest, or are kept out. */
static void empty_group(struct pool *pool, const struct pool_entry *left_over)
{
	struct pool_entry *entry;
	bool is_steered = steer(pool, left_over);

	TAILQ_FOREACH(entry, &pool->entries, link) {
		if (entry->claims || entry->backlog || !is_of_group(left_over, entry))
			continue;
		entry->is_steered = is_steered;
		if (!is_steered)
			pool_keep_out(entry);
	}
}

/* Does who is in its queue go to the others when it stops listening? */
static bool may_migrate(const struct pool_entry *left_over)
{
	return is_own_network(left_over->fd) && migration_begin();
}

/* To keep clients out costs them a second: not for longer than need be. */
static bool may_get_clients(const struct pool_entry *entry, bool is_left_over, long elapsed_ms)
{
	if (is_left_over && may_migrate(entry))
		return elapsed_ms < (entry->is_steered ? HANDSHAKE_MS : LOCAL_MS);
	if (is_left_over && elapsed_ms < HANDSHAKE_MS)
		return true;
	return is_readable(entry->fd) || elapsed_ms < LOCAL_MS;
}

static void stop_listening(struct pool_entry *entry)
{
	unsigned backlog = backlog_of(entry);

	entry->backlog = backlog ? backlog : 1;
	shutdown(entry->fd, SHUT_RD);
}

void pool_leave_groups(struct pool *pool)
{
	struct pool_entry *entry;

	TAILQ_FOREACH(entry, &pool->entries, link) {
		if (!(entry->is_steered || entry->quiet) || !is_left_over(pool, entry))
			continue;
		if (may_migrate(entry) || (entry->is_steered && !is_readable(entry->fd)))
			stop_listening(entry);
		else
			pool_keep_out(entry);
	}
	migration_end();
	unsteer(pool);
}

void pool_leave_group(struct pool_entry *entry)
{
	if (entry->backlog || entry->datagram || entry->address.ss_family == AF_UNIX ||
	    option_int(entry->fd, SOL_SOCKET, SO_REUSEPORT) != 1)
		return;
	if (is_own_network(entry->fd))
		migration_begin();
	stop_listening(entry);
	migration_end();
}

bool pool_quiesce_all(struct pool *pool, long elapsed_ms)
{
	struct pool_entry *entry;
	bool waiting = false;

	TAILQ_FOREACH(entry, &pool->entries, link) {
		if (pool_is_private(pool, entry))
			continue;
		shorten_queue(entry);
		pool_keep_out(entry);
		waiting |= may_get_clients(entry, false, elapsed_ms);
	}
	return waiting;
}

/* One that is claimed late gets its share. */
static void steer_again_if_claimed(struct pool *pool)
{
	const struct pool_entry *entry;

	TAILQ_FOREACH(entry, &pool->entries, link)
		if (entry->is_steered && entry->claims) {
			unsteer(pool);
			return;
		}
}

bool pool_quiesce_unclaimed(struct pool *pool, long elapsed_ms)
{
	struct pool_entry *entry;
	bool waiting = false, left_over;

	steer_again_if_claimed(pool);
	TAILQ_FOREACH(entry, &pool->entries, link) {
		if (entry->claims || entry->ephemeral || pool_is_private(pool, entry))
			continue;
		left_over = is_left_over(pool, entry);
		if (left_over && !entry->is_steered && !entry->quiet)
			empty_group(pool, entry);
		else if (!entry->is_steered && (!entry->datagram || !has_claimed_sibling(pool, entry)))
			pool_keep_out(entry);
		waiting |= may_get_clients(entry, left_over, elapsed_ms);
	}
	return waiting;
}

void pool_deepen(const struct pool *pool)
{
	const struct pool_entry *entry;

	TAILQ_FOREACH(entry, &pool->entries, link)
		listen(entry->fd, INT_MAX);
}

void pool_unclaim(struct pool *pool)
{
	struct pool_entry *entry;

	pool->next = NULL;
	TAILQ_FOREACH(entry, &pool->entries, link) {
		entry->claims = 0;
		options_note(entry);
	}
}

void pool_settle(struct pool *pool)
{
	struct pool_entry *entry;

	TAILQ_FOREACH(entry, &pool->entries, link) {
		entry->claims = 1;
		entry->is_noted = entry->is_changed = false;
	}
}

void pool_drop(struct pool *pool, struct pool_entry *entry)
{
	if (pool->next == entry)
		pool->next = NULL;
	TAILQ_REMOVE(&pool->entries, entry, link);
	RB_REMOVE(pool_tree, &pool->by_inode, entry);
	close(entry->fd);
	socket_file_close(&entry->file);
	free(entry);
}

bool pool_is_readable(const struct pool *pool)
{
	const struct pool_entry *entry;

	TAILQ_FOREACH(entry, &pool->entries, link)
		if (entry->claims && is_readable(entry->fd))
			return true;
	return false;
}

void pool_hang_up(struct pool *pool)
{
	const struct pool_entry *entry;

	TAILQ_FOREACH(entry, &pool->entries, link)
		if (is_unix_datagram(entry) && !pool_is_private(pool, entry))
			shutdown(entry->fd, SHUT_RD);
}

void pool_close(struct pool *pool)
{
	struct pool_entry *entry;

	while ((entry = TAILQ_FIRST(&pool->entries)))
		pool_drop(pool, entry);
	steering_end();
}
