#include "change.h"

#include "core/procfs.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_OF_FD_MAX 32

static const char *path_of_fd(int fd, char text[static PATH_OF_FD_MAX])
{
	snprintf(text, PATH_OF_FD_MAX, "/proc/self/fd/%d", fd);
	return text;
}

/*
 * The last part of the path that an O_PATH descriptor was opened by. Where it was opened in another
 * root the parts before it are not ours, hence the directory has a descriptor of its own.
 */
static bool name_of_fd(int fd, char *name, size_t size)
{
	char link[PATH_OF_FD_MAX], path[4096];
	const char *slash;
	ssize_t n = readlink(path_of_fd(fd, link), path, sizeof(path) - 1);

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	return slash && snprintf(name, size, "%s", slash + 1) < (int)size;
}

static bool is_same(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* Is this file there? `now` is what it is like by now. */
static bool is_there(int directory_fd, const char *name, const struct stat *wanted, struct stat *now)
{
	return fstatat(directory_fd, name, now, AT_SYMLINK_NOFOLLOW) == 0 && is_same(now, wanted);
}

struct change *changes_find(struct changes *changes, const struct stat *status)
{
	struct change *change;

	TAILQ_FOREACH(change, changes, link)
		if (is_same(&change->before, status))
			return change;
	return NULL;
}

struct change *changes_take(struct changes *changes, int directory_fd, int file_fd)
{
	struct change *change;
	struct stat status;

	if (fstat(file_fd, &status) != 0)
		return NULL;
	change = changes_find(changes, &status);
	if (change)
		return change;
	change = calloc(1, sizeof(*change));
	if (!change)
		return NULL;
	change->before = status;
	change->stage_fd = change->source_directory_fd = -1;
	change->directory_fd = fcntl(directory_fd, F_DUPFD_CLOEXEC, 0);
	TAILQ_INSERT_TAIL(changes, change, link);
	if (change->directory_fd >= 0 && name_of_fd(file_fd, change->name, sizeof(change->name)) &&
	    is_there(change->directory_fd, change->name, &change->before, &status))
		return change;
	change_free(changes, change);
	return NULL;
}

bool change_is_at(const struct change *change, int directory_fd, int file_fd)
{
	struct stat one, other;
	char name[sizeof(change->name)];

	return fstat(change->directory_fd, &one) == 0 && fstat(directory_fd, &other) == 0 && is_same(&one, &other) &&
	       name_of_fd(file_fd, name, sizeof(name)) && strcmp(name, change->name) == 0;
}

/* What was to come in the file's place is not to come. */
static void change_withdraw(struct change *change)
{
	struct stat now;

	if (change->stage_fd >= 0)
		close(change->stage_fd);
	change->stage_fd = -1;
	if (change->source_directory_fd < 0)
		return;
	/* Its own file would have been gone by then: the rename took its name. */
	rights_take(&change->rights);
	if (is_there(change->source_directory_fd, change->source, &change->source_status, &now))
		(void)unlinkat(change->source_directory_fd, change->source, 0);
	rights_return(&change->rights);
	close(change->source_directory_fd);
	change->source_directory_fd = -1;
}

void change_to_remove(struct change *change, const struct rights *rights)
{
	change_withdraw(change);
	change->rights = *rights;
	change->kind = CHANGE_REMOVE;
	change->is_removed = true;
}

/* To write a file does not change whose it is. */
static bool make_alike(int stage_fd, const struct stat *stage, const struct stat *wanted)
{
	return fchmod(stage_fd, wanted->st_mode & 07777) == 0 &&
	       ((stage->st_uid == wanted->st_uid && stage->st_gid == wanted->st_gid) ||
		fchown(stage_fd, wanted->st_uid, wanted->st_gid) == 0);
}

bool change_to_write(struct change *change, int stage_fd, const struct rights *rights)
{
	struct stat stage;

	change_withdraw(change);
	change->rights = *rights;
	if (fstat(stage_fd, &stage) != 0)
		return false;
	change->stage_fd = fcntl(stage_fd, F_DUPFD_CLOEXEC, 0);
	change->kind = CHANGE_WRITE;
	rights_take(rights);
	change->is_kept = !change->is_removed && !make_alike(stage_fd, &stage, &change->before);
	rights_return(rights);
	return change->stage_fd >= 0;
}

bool change_to_rename(struct change *change, int directory_fd, int file_fd, const struct rights *rights)
{
	struct stat now;

	/* Once more the same one: it has not been moved, and has been written anew. */
	if (change->kind == CHANGE_RENAME && fstat(file_fd, &now) == 0 && is_same(&now, &change->source_status))
		return true;
	change_withdraw(change);
	change->rights = *rights;
	change->kind = CHANGE_REMOVE;
	if (fstat(file_fd, &change->source_status) != 0 ||
	    !name_of_fd(file_fd, change->source, sizeof(change->source)) ||
	    !is_there(directory_fd, change->source, &change->source_status, &now))
		return false;
	change->source_directory_fd = fcntl(directory_fd, F_DUPFD_CLOEXEC, 0);
	change->stage_fd = fcntl(file_fd, F_DUPFD_CLOEXEC, 0);
	change->kind = CHANGE_RENAME;
	return change->source_directory_fd >= 0;
}

/*
 * chmod() and chown() of the path, after the file was replaced, met the one before. They change
 * st_ctime even where they change nothing else.
 */
static bool was_touched(const struct change *change, const struct stat *now)
{
	return now->st_ctim.tv_sec != change->before.st_ctim.tv_sec ||
	       now->st_ctim.tv_nsec != change->before.st_ctim.tv_nsec;
}

static void copy_owner(int fd, const struct stat *from)
{
	char path[PATH_OF_FD_MAX];

	(void)!fchownat(fd, "", from->st_uid, from->st_gid, AT_EMPTY_PATH);
	(void)chmod(path_of_fd(fd, path), from->st_mode & 07777);
}

static void temporary_name(const struct change *change, char name[static 64])
{
	snprintf(name, 64, ".flip-%d-%llu", (int)getpid(), (unsigned long long)change->before.st_ino);
}

/* Gives the stage a name, and that name the place; false where it cannot have one (memfd). */
static bool put_stage(const struct change *change)
{
	char stage[PATH_OF_FD_MAX], name[64];

	temporary_name(change, name);
	if (linkat(AT_FDCWD, path_of_fd(change->stage_fd, stage), change->directory_fd, name,
		   AT_SYMLINK_FOLLOW) != 0)
		return false;
	if (renameat(change->directory_fd, name, change->directory_fd, change->name) == 0)
		return true;
	(void)unlinkat(change->directory_fd, name, 0);
	return false;
}

/* Not in one step: what is shorter than before is cut after it was written. */
static bool copy_stage(const struct change *change)
{
	char stage[PATH_OF_FD_MAX], text[4096];
	int from = open(path_of_fd(change->stage_fd, stage), O_RDONLY | O_CLOEXEC);
	int to = openat(change->directory_fd, change->name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = from < 0 ? -1 : pread(from, text, sizeof(text), 0);
	bool is_done = to >= 0 && n >= 0 && pwrite(to, text, (size_t)n, 0) == n &&
		       ftruncate(to, n) == 0;

	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return is_done;
}

static bool do_write(struct change *change, const struct stat *now)
{
	if (was_touched(change, now))
		copy_owner(change->stage_fd, now);
	return (!change->is_kept && put_stage(change)) || copy_stage(change);
}

/* Mode and owner are given to the file before it is seen under its name. */
static void prepare_source(const struct change *change, const struct stat *now)
{
	int fd = openat(change->source_directory_fd, change->source, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && was_touched(change, now))
		copy_owner(fd, now);
	if (fd >= 0)
		close(fd);
}

static bool do_rename(struct change *change, const struct stat *now)
{
	prepare_source(change, now);
	return renameat(change->source_directory_fd, change->source, change->directory_fd,
			change->name) == 0;
}

/* The name of the source is the former file's by then. */
static bool complete(struct change *change)
{
	struct stat now;

	return !is_there(change->source_directory_fd, change->source, &change->before, &now) ||
	       unlinkat(change->source_directory_fd, change->source, 0) == 0;
}

static bool change_do_kind(struct change *change)
{
	struct stat now;

	if (change->is_exchanged)
		return complete(change);
	if (!is_there(change->directory_fd, change->name, &change->before, &now)) {
		errno = ESTALE;
		return false;
	}
	switch (change->kind) {
	case CHANGE_REMOVE:
		return unlinkat(change->directory_fd, change->name, 0) == 0;
	case CHANGE_WRITE:
		return do_write(change, &now);
	default:
		return do_rename(change, &now);
	}
}

bool change_do(struct change *change)
{
	static const char *const names[] = { "removed", "written", "replaced" };
	bool is_done;

	rights_take(&change->rights);
	is_done = change_do_kind(change);
	rights_return(&change->rights);
	if (is_done)
		log_line(LOG_LEVEL_DEBUG, "%s: %s, as the new generation has it", change->name,
			 names[change->kind]);
	else if (errno != ESTALE)
		log_line(LOG_LEVEL_INFO, "%s could not be %s as the new generation has it: %s",
			 change->name, names[change->kind], strerror(errno));
	return is_done;
}

static bool exchange(const struct change *change)
{
	return renameat2(change->source_directory_fd, change->source, change->directory_fd,
			 change->name, RENAME_EXCHANGE) == 0;
}

void change_try(struct change *change)
{
	struct stat now;

	if (change->kind != CHANGE_RENAME || change->is_exchanged ||
	    !is_there(change->directory_fd, change->name, &change->before, &now))
		return;
	rights_take(&change->rights);
	prepare_source(change, &now);
	change->is_exchanged = exchange(change);
	rights_return(&change->rights);
}

void change_free(struct changes *changes, struct change *change)
{
	TAILQ_REMOVE(changes, change, link);
	if (change->directory_fd >= 0)
		close(change->directory_fd);
	if (change->stage_fd >= 0)
		close(change->stage_fd);
	if (change->source_directory_fd >= 0)
		close(change->source_directory_fd);
	free(change);
}

void change_drop(struct changes *changes, struct change *change)
{
	int fd;
	struct stat now;

	rights_take(&change->rights);
	if (change->is_exchanged)
		(void)exchange(change);
	rights_return(&change->rights);
	change_withdraw(change);
	fd = openat(change->directory_fd, change->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &now) == 0 && is_same(&now, &change->before) &&
	    (now.st_mode != change->before.st_mode || now.st_uid != change->before.st_uid ||
	     now.st_gid != change->before.st_gid))
		copy_owner(fd, &change->before);
	if (fd >= 0)
		close(fd);
	change_free(changes, change);
}

int file_open(int fd)
{
	char path[PATH_OF_FD_MAX];

	return open(path_of_fd(fd, path), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int file_read_pid(int fd)
{
	char text[PROCFS_PID_FILE_MAX + 1];
	int read_fd = file_open(fd);
	ssize_t n = read_fd < 0 ? -1 : pread(read_fd, text, sizeof(text), 0);

	if (read_fd >= 0)
		close(read_fd);
	return n > 0 ? procfs_parse_pid(text, (size_t)n) : -1;
}
