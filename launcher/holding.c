/*
 * --on-crash=restart: the supervisor has copies of the current generation's listeners all the time,
 * so that a crash leaves them open. It asks for them when the generation is ready, and again when
 * that tells of another one.
 *
 * But a port must not stay open without a server: a listener that the program itself closes has to
 * go here, too. The shim tells of every close() that it sees, in this mode only, and the supervisor
 * looks then whether any process of the generation still has it. Closing that passes no hook (a
 * worker that ends, a system call of the program's own) is found by looking once a second, which
 * takes one readlink() a listener while nothing changes.
 *
 * Many programs close their listeners on their way out, when an exception ends them. So one that is
 * found closed lets nobody in any more at once, but is kept for a tenth of a second: if the program
 * has ended by then, it was a crash. A program that binds the address again gets the copy.
 *
 * While listeners change hands there are such copies in any mode. There, one that is closed is kept, for
 * a generation that may want it yet; but if it is one of a SO_REUSEPORT group, it stops listening.
 */
#include "core/address.h"
#include "log.h"
#include "service.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 1000
#define KEEP_MS 100

static struct timer look_timer, group_timer;
static bool is_stale; /* something has changed since the listeners were asked for */

bool service_holds(void)
{
	return service.settings->on_crash == ON_CRASH_RESTART;
}

bool holding_is_active(void)
{
	return service_holds() &&
	       (service.state == SERVICE_SERVING || service.state == SERVICE_CHECKING);
}

static void look(struct timer *timer)
{
	timer_set(timer, LOOK_MS, look);
	holding_look(); /* may want to look again sooner */
}

void holding_refresh(void)
{
	/* One that comes back takes them from here first. */
	if (!holding_is_active() || service.current->comes_back)
		return;
	is_stale = service.is_collecting;
	if (!is_stale)
		service_collect();
}

/* Those on port 0 cannot be claimed by their address: the next generation has others. */
static void drop_ephemeral(void)
{
	struct pool_entry *entry, *next;

	for (entry = TAILQ_FIRST(&service.pool.entries); entry; entry = next) {
		next = TAILQ_NEXT(entry, link);
		if (entry->ephemeral)
			pool_drop(&service.pool, entry);
	}
}

void holding_refreshed(bool ok)
{
	if (!ok)
		log_line(LOG_LEVEL_INFO, "%s; if it crashes, they are lost", service.failure);
	drop_ephemeral();
	pool_settle(&service.pool);
	generation_tell(service.current, MESSAGE_SOLE, 0);
	timer_set(&look_timer, LOOK_MS, look);
	holding_look();
	if (is_stale)
		holding_refresh();
}

/* Is that number of that process this socket? */
static bool is_there(pid_t pid, int fd, uint64_t inode)
{
	char path[48], target[64], wanted[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	snprintf(wanted, sizeof(wanted), "socket:[%llu]", (unsigned long long)inode);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	return strcmp(target, wanted) == 0;
}

/* Looks through one process for an entry, until that is found. */
static void search_process(pid_t pid, const struct procfs_stat *unused, void *argument)
{
	struct pool_entry *entry = argument;
	char path[32];
	DIR *directory;
	struct dirent *found;
	int fd;

	if (entry->holder)
		return;
	pid = process_thread(pid);
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	directory = opendir(path);
	while (directory && !entry->holder && (found = readdir(directory))) {
		if (sscanf(found->d_name, "%d", &fd) != 1 || !is_there(pid, fd, entry->inode))
			continue;
		entry->holder = pid;
		entry->holder_fd = fd;
	}
	if (directory)
		closedir(directory);
}

static bool is_listening(const struct pool_entry *entry)
{
	int value = 0;
	socklen_t length = sizeof(value);

	/* One of datagrams never does, and there is nothing else to ask it. */
	return getsockopt(entry->fd, SOL_SOCKET, SO_TYPE, &value, &length) != 0 ||
	       value == SOCK_DGRAM ||
	       getsockopt(entry->fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) != 0 || value;
}

static bool is_held(struct pool_entry *entry)
{
	if (!is_listening(entry))
		return false; /* shut down */
	if (entry->holder && is_there(entry->holder, entry->holder_fd, entry->inode))
		return true;
	entry->holder = 0;
	kin_each(&service.current->kin, search_process, entry);
	return entry->holder;
}

/*
 * A process that ends loses all its descriptors at once, and a moment later we hear of it: that is
 * no closing. (The kernel takes the whole table from it before it closes the first, so that /proc
 * never shows half of it.)
 */
static bool is_ending(void)
{
	char path[32];
	DIR *directory;
	struct dirent *entry;
	bool any = false;

	if (service.current->exited)
		return TAILQ_EMPTY(&service.current->members);
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)process_thread(service.current->pid));
	directory = opendir(path);
	while (directory && !any && (entry = readdir(directory)))
		any = entry->d_name[0] != '.';
	if (directory)
		closedir(directory);
	return !any;
}

/* Nobody has it: true if that has been so for long enough. */
static bool is_lost(struct pool_entry *entry)
{
	int64_t now_ns = clock_now_ns();

	if (is_held(entry)) {
		entry->lost_ns = 0;
		pool_let_in(entry);
		return false;
	}
	if (!entry->lost_ns)
		entry->lost_ns = now_ns;
	pool_keep_out(entry);
	timer_set(&look_timer, KEEP_MS, look);
	return now_ns - entry->lost_ns >= KEEP_MS * 1000000ll;
}

void holding_look(void)
{
	struct pool_entry *entry, *next;
	char host[ADDRESS_TEXT_MAX];

	if (!holding_is_active() || service.is_collecting || service.current->comes_back)
		return;
	for (entry = TAILQ_FIRST(&service.pool.entries); entry; entry = next) {
		next = TAILQ_NEXT(entry, link);
		if (!is_lost(entry) || is_ending())
			continue;
		log_line(LOG_LEVEL_INFO, "generation %u has closed its listener %s", service.current->number,
			 address_format((struct sockaddr *)&entry->address, host, sizeof(host)));
		pool_drop(&service.pool, entry);
	}
}

static bool generation_has(struct generation *generation, uint64_t inode)
{
	return generation && kin_holds(&generation->kin, inode);
}

static void look_at_groups(struct timer *timer)
{
	struct pool_entry *entry;

	(void)timer;
	if (!service.current || service.current->comes_back || is_ending())
		return;
	TAILQ_FOREACH(entry, &service.pool.entries, link)
		if (!generation_has(service.current, entry->inode) &&
		    !generation_has(service.new, entry->inode))
			pool_leave_group(entry);
}

void holding_closed(void)
{
	if (holding_is_active())
		holding_look();
	else if (!TAILQ_EMPTY(&service.pool.entries) && !group_timer.active)
		timer_set(&group_timer, KEEP_MS, look_at_groups);
}

void holding_settle(void)
{
	if (group_timer.active)
		look_at_groups(&group_timer);
	timer_clear(&group_timer);
}

void holding_end(void)
{
	timer_clear(&look_timer);
	is_stale = false;
}
