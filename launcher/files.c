#include "files.h"

#include "change.h"
#include "service.h"

#include <bsd/sys/time.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A program may open its pid file and write to it when it is the current one already. */
#define SETTLE_AGAIN_MS 20
#define SETTLE_TRIES 100
#define SLACK_S 2 /* clocks of whole seconds, and a file system's of its own */

static struct changes changes = TAILQ_HEAD_INITIALIZER(changes);
static struct timer settle_timer;
static unsigned settle_tries;

/* May another one have to serve in its place yet? */
static bool is_starting(const struct generation *by)
{
	return by == service.new || (by == service.current && (by->phase == PHASE_STARTING ||
							       service.state == SERVICE_PROBATION));
}

/* Whose process a pid file names. */

static bool is_of(const struct generation *generation, pid_t pid)
{
	return generation && kin_has(&generation->kin, pid);
}

static bool is_alive(pid_t pid)
{
	struct procfs_stat stat;

	return process_stat(pid, &stat) && stat.state != 'Z' && stat.state != 'X';
}

static bool is_of_another(const struct generation *by, pid_t pid)
{
	const struct generation *generation;
	bool is_other = false;

	if (pid <= 0 || pid == getpid() || !is_alive(pid) || is_of(by, pid))
		return false;
	is_other |= by != service.current && is_of(service.current, pid);
	is_other |= by != service.new && is_of(service.new, pid);
	TAILQ_FOREACH(generation, &service.retired, link)
		is_other |= by != generation && is_of(generation, pid);
	return is_other;
}

/* Has anybody a lock on it, by flock(2) or fcntl(2)? */
static bool has_lock(int file_fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = file_open(file_fd);
	bool has = fd < 0 || (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) ||
		   flock(fd, LOCK_EX | LOCK_NB) != 0;

	if (fd >= 0)
		close(fd);
	return has;
}

/* Of a file /proc/locks tells the number, and of the file system not what stat() does: one elsewhere may have it. */
static bool is_locked(int file_fd, const struct stat *status)
{
	char line[256];
	unsigned long long inode;
	bool found = false;
	FILE *file = fopen("/proc/locks", "re");

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%*d: %*s %*s %*s %*d %*x:%*x:%llu", &inode) == 1 &&
			inode == status->st_ino;
	if (file)
		fclose(file);
	return found && has_lock(file_fd);
}

/* Does the current generation need this file? Asked for one that starts. */
static bool is_needed(const struct generation *by, int file_fd, const struct stat *status)
{
	if (S_ISSOCK(status->st_mode))
		return pool_find_file(&service.pool, status->st_dev, status->st_ino) != NULL;
	return S_ISREG(status->st_mode) && is_of_another(by, file_read_pid(file_fd));
}

static enum verdict unlink_starting(const struct generation *by, const struct ucred *peer, int directory_fd,
				    int file_fd, const struct stat *status)
{
	struct change *change = changes_find(&changes, status);
	struct rights rights;

	/* Another name of it (haproxy makes one, to have a way back). */
	if (change && !change_is_at(change, directory_fd, file_fd))
		return VERDICT_GO_ON;
	change = is_needed(by, file_fd, status) ? changes_take(&changes, directory_fd, file_fd) : NULL;
	if (!change)
		return VERDICT_GO_ON;
	rights_of(&rights, peer);
	change_to_remove(change, &rights);
	return VERDICT_HIDE;
}

/* Is the socket that this file leads to one of the current generation, and not of those before? */
static bool is_of_current(const struct stat *status)
{
	struct generation *current = service.current;

	/* Of a socket that is no listener of the service nobody has told: it is if it was bound since then. */
	return current && (generation_has_file(current, status->st_dev, status->st_ino) ||
			   !timespeccmp(&status->st_ctim, &current->started_at, <));
}

enum verdict files_unlink(const struct generation *by, const struct ucred *peer, int directory_fd, int file_fd)
{
	struct stat status;
	const struct pool_entry *entry;
	int named;

	if (fstat(file_fd, &status) != 0)
		return VERDICT_GO_ON;
	if (is_starting(by))
		return unlink_starting(by, peer, directory_fd, file_fd, &status);
	if (S_ISREG(status.st_mode) && by == service.current)
		return VERDICT_GO_ON;
	if (S_ISREG(status.st_mode)) {
		named = file_read_pid(file_fd);
		return (named != peer->pid && is_of_another(by, named)) ||
				       changes_find(&changes, &status) ?
			       VERDICT_HIDE :
			       VERDICT_GO_ON;
	}
	/* The current one ends while a new one is about to take its place, or will (in place). */
	if (by == service.current) {
		entry = pool_find_file(&service.pool, status.st_dev, status.st_ino);
		return entry && ((service.new && entry->claims) || service.state == SERVICE_VACATING) ?
			       VERDICT_HIDE :
			       VERDICT_GO_ON;
	}
	return is_of_current(&status) ? VERDICT_HIDE : VERDICT_GO_ON;
}

/* It writes again what it has written already, or what it has put in the file's place. */
static enum verdict write_again(struct change *change, int flags, int *former_fd, int *error)
{
	if (flags & O_EXCL && change->kind != CHANGE_REMOVE) {
		*error = EEXIST;
		return VERDICT_FAIL;
	}
	if (!(flags & O_CREAT) && change->kind == CHANGE_REMOVE) {
		*error = ENOENT;
		return VERDICT_FAIL;
	}
	if (change->kind == CHANGE_WRITE)
		*former_fd = change->stage_fd;
	return VERDICT_HIDE;
}

enum verdict files_write(struct generation *by, const struct ucred *peer, const int *fds, int flags,
			 int *former_fd, int *error)
{
	int directory_fd = fds[0], file_fd = fds[1], stage_fd = fds[2];
	struct change *change;
	struct rights rights;
	struct stat status;
	enum verdict verdict = VERDICT_HIDE;

	if (fstat(file_fd, &status) != 0 || !S_ISREG(status.st_mode) || !is_needed(by, file_fd, &status))
		return VERDICT_GO_ON;
	/* What a retired one writes there (nothing, before it removes the file) is for nobody. */
	if (by->phase >= PHASE_RETIRING && by != service.current)
		return VERDICT_HIDE;
	if (!is_starting(by))
		return VERDICT_GO_ON;
	change = changes_find(&changes, &status);
	/*
	 * A lock on it is there to keep a second one away, which is not for us to get round: this one
	 * will find it when it has opened the file, and end. It shall not have emptied it by then.
	 */
	if (!change && is_locked(file_fd, &status)) {
		by->found_lock = true;
		return flags & O_TRUNC ? VERDICT_KEEP : VERDICT_GO_ON;
	}
	if (change)
		verdict = write_again(change, flags, former_fd, error);
	else if (!(flags & O_CREAT)) {
		*error = ENOENT;
		return VERDICT_FAIL;
	}
	if (verdict != VERDICT_HIDE || *former_fd >= 0)
		return verdict;
	change = changes_take(&changes, directory_fd, file_fd);
	if (!change)
		return VERDICT_GO_ON;
	change->is_removed |= (flags & O_EXCL) != 0;
	rights_of(&rights, peer);
	if (change_to_write(change, stage_fd, &rights))
		return VERDICT_HIDE;
	change_drop(&changes, change);
	return VERDICT_GO_ON;
}

enum verdict files_rename(const struct generation *by, const struct ucred *peer, const int *fds)
{
	struct change *change;
	struct rights rights;
	struct stat status;

	if (!is_starting(by) || fstat(fds[1], &status) != 0 || !is_needed(by, fds[1], &status))
		return VERDICT_GO_ON;
	change = changes_take(&changes, fds[0], fds[1]);
	if (!change)
		return VERDICT_GO_ON;
	rights_of(&rights, peer);
	if (change_to_rename(change, fds[2], fds[3], &rights))
		return VERDICT_HIDE;
	change_drop(&changes, change);
	return VERDICT_GO_ON;
}

/* Is the file no older than that process? What has the number in it by chance mostly is, as a setting. */
static bool is_since(const struct stat *status, pid_t pid)
{
	struct procfs_stat process;
	time_t begun = process_stat(pid, &process) ? time(NULL) - process_age_ms(&process) / 1000 : 0;

	return status->st_mtime >= begun - SLACK_S;
}

bool files_are_its_own(const struct generation *by)
{
	return by == service.current && by->phase == PHASE_SERVING && !is_starting(by);
}

/* One that starts sees what there would be if those that it is to replace had ended, and cleaned up. */
enum verdict files_look(const struct generation *by, int file_fd, bool for_reading, int *former_fd)
{
	const struct pool_entry *entry;
	const struct change *change;
	struct stat status;
	bool is_hidden;

	if (!is_starting(by) || fstat(file_fd, &status) != 0)
		return VERDICT_GO_ON;
	change = changes_find(&changes, &status);
	entry = pool_find_file(&service.pool, status.st_dev, status.st_ino);
	/* A file that was renamed to this name is at its own yet: the same in two places would be one file (mv). */
	if (change && (change->kind == CHANGE_WRITE || (change->kind == CHANGE_RENAME && for_reading)))
		*former_fd = change->stage_fd;
	if (change)
		is_hidden = change->kind == CHANGE_REMOVE;
	else if (entry)
		is_hidden = !entry->claims;
	else
		is_hidden = is_needed(by, file_fd, &status) && is_since(&status, file_read_pid(file_fd)) &&
			    !is_locked(file_fd, &status);
	return is_hidden ? VERDICT_HIDE : VERDICT_GO_ON;
}

enum verdict files_kill(const struct generation *by, pid_t pid)
{
	return is_starting(by) && is_of_another(by, pid) ? VERDICT_HIDE : VERDICT_GO_ON;
}

enum verdict files_knock(struct generation *by, int fd, const struct pool_place *place)
{
	enum pool_reach reach = is_starting(by) ? pool_reach(&service.pool, fd, place) : REACH_NONE;

	if (reach == REACH_CLAIMED)
		generation_calls_itself(by);
	return reach == REACH_UNCLAIMED ? VERDICT_HIDE : VERDICT_GO_ON;
}

void files_claimed(const struct pool_entry *entry)
{
	struct change *change =
		entry->file.exists ? changes_find(&changes, &entry->file.was) : NULL;

	if (change)
		change_drop(&changes, change);
}

bool files_is_replaced(const struct pool_entry *entry)
{
	const struct change *change =
		entry->file.exists ? changes_find(&changes, &entry->file.was) : NULL;

	return change && change->kind == CHANGE_RENAME;
}

void files_hand_over(void)
{
	struct change *change;

	TAILQ_FOREACH(change, &changes, link)
		if (S_ISSOCK(change->before.st_mode))
			change_try(change);
}

/*
 * The service is being stopped: the paths of its Unix listeners are to go. Most servers remove them
 * when they end, but not those that the stop signal just ends, and the next one could not bind.
 */
void files_stop(void)
{
	const struct rights own = { 0 };
	const struct pool_entry *entry;
	struct change *change;

	TAILQ_FOREACH(entry, &service.pool.entries, link) {
		int directory_fd = entry->file.is_own ? socket_file_directory(&entry->file) : -1;

		if (directory_fd < 0)
			continue;
		change = changes_take(&changes, directory_fd, entry->file.fd);
		if (change)
			change_to_remove(change, &own);
		close(directory_fd);
	}
}

/* A pid file that is still empty would name nobody; the one before names the old generation. */
static bool is_ready(const struct change *change)
{
	return change->kind != CHANGE_WRITE || file_read_pid(change->stage_fd) > 0;
}

static void settle_again(struct timer *timer)
{
	struct change *change, *next;

	for (change = TAILQ_FIRST(&changes); change; change = next) {
		next = TAILQ_NEXT(change, link);
		if (!is_ready(change) && settle_tries < SETTLE_TRIES)
			continue;
		(void)change_do(change);
		change_free(&changes, change);
	}
	settle_tries++;
	if (!TAILQ_EMPTY(&changes))
		timer_set(timer, SETTLE_AGAIN_MS, settle_again);
}

void files_settle(void)
{
	settle_tries = 0;
	timer_clear(&settle_timer);
	settle_again(&settle_timer);
}

void files_finish(void)
{
	settle_tries = SETTLE_TRIES;
	settle_again(&settle_timer);
}

void files_forget(void)
{
	struct change *change;

	timer_clear(&settle_timer);
	while ((change = TAILQ_FIRST(&changes)))
		change_drop(&changes, change);
}
