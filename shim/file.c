#include "file.h"

#include "channel.h"
#include "core/address.h"
#include "core/procfs.h"
#include "retire.h"
#include "session.h"
#include "sys.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/un.h>

/*
 * Unix sockets bound lately, until they listen: where the path of one leads afterwards is another
 * question, for programs bind under one name and rename that (haproxy), or change their directory.
 * A few at a time; one forgotten is not found by the next generation, which binds a new one.
 */
#define NOTES 64

static struct note {
	_Atomic uint64_t socket_inode;
	struct file_identity file;
} notes[NOTES] APART;
static _Atomic uint32_t noted; /* how many in all */

struct file_identity file_at(const struct sockaddr *address, socklen_t length)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1] = { 0 };
	struct stat status;

	if (!address_is_path(address, length))
		return (struct file_identity){ 0 };
	/* The kernel demands no NUL at its end. */
	memcpy(path, ((const struct sockaddr_un *)address)->sun_path,
	       length - offsetof(struct sockaddr_un, sun_path));
	if (sys_stat(AT_FDCWD, path, &status, 0) != 0 || !S_ISSOCK(status.st_mode))
		return (struct file_identity){ 0 };
	return (struct file_identity){ status.st_dev, status.st_ino };
}

void file_note(uint64_t socket_inode, struct file_identity file)
{
	struct note *note = &notes[atomic_fetch_add(&noted, 1) % NOTES];

	atomic_store(&note->socket_inode, 0);
	note->file = file;
	atomic_store(&note->socket_inode, socket_inode);
}

struct file_identity file_of(uint64_t socket_inode)
{
	uint32_t n = atomic_load(&noted);

	for (uint32_t i = 0; socket_inode && i < n && i < NOTES; i++)
		if (atomic_load(&notes[i].socket_inode) == socket_inode)
			return notes[i].file;
	return (struct file_identity){ 0 };
}

/* The directory in which the last part of the path is, or a negative errno value. */
static int open_directory(int directory, const char *path)
{
	char parent[1024] = ".";
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) + 1 : 1;

	if (length >= sizeof(parent))
		return -ENAMETOOLONG;
	if (slash)
		memcpy(parent, path, length);
	return sys_openat(directory, parent, O_PATH | O_DIRECTORY);
}

/* What the supervisor has to have of a file: a hold on it, and on where its name is. */
struct place {
	int directory_fd, file_fd;
};

static void place_close(struct place *place)
{
	if (place->directory_fd >= 0)
		sys_close(place->directory_fd);
	if (place->file_fd >= 0)
		sys_close(place->file_fd);
}

/* By a link to it: where the file itself is, its own path tells, as the kernel has it. */
static int open_directory_of(int file_fd)
{
	char link[32] = "/proc/thread-self/fd/", path[1024];
	long n;

	procfs_format_number(link + strlen(link), (unsigned)file_fd);
	n = sys_readlinkat(AT_FDCWD, link, path, sizeof(path) - 1);
	if (n <= 0 || path[0] != '/')
		return -ENOENT;
	path[n] = '\0';
	return open_directory(AT_FDCWD, path);
}

/* flags: O_NOFOLLOW or 0. False: there is no such file. */
static bool place_open(struct place *place, int directory, const char *path, int flags)
{
	struct stat status, link;
	bool is_link = !(flags & O_NOFOLLOW) &&
		       sys_stat(directory, path, &link, AT_SYMLINK_NOFOLLOW) == 0 &&
		       S_ISLNK(link.st_mode);

	place->directory_fd = -1;
	place->file_fd = sys_openat(directory, path, O_PATH | flags);
	if (place->file_fd < 0 || sys_fstat(place->file_fd, &status) != 0)
		return false;
	place->directory_fd = is_link ? open_directory_of(place->file_fd) :
					open_directory(directory, path);
	return place->directory_fd >= 0;
}

/* What the file contains if that is nothing but the pid of a living process; otherwise -1. */
static int pid_read(int fd)
{
	char text[PROCFS_PID_FILE_MAX + 1];
	long n = SYS_CALL(SYS_pread64, fd, text, sizeof(text), 0);
	int pid = n > 0 ? procfs_parse_pid(text, (size_t)n) : -1;

	return pid > 0 && sys_kill(pid, 0) != -ESRCH ? pid : -1;
}

static int pid_in(int directory, const char *path, int flags)
{
	int fd = sys_openat(directory, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | flags);
	int pid = fd < 0 ? -1 : pid_read(fd);

	if (fd >= 0)
		sys_close(fd);
	return pid;
}

/* Is it a socket, or of the size of a pid file? */
static bool looks_shared(const struct stat *status)
{
	return S_ISSOCK(status->st_mode) || (S_ISREG(status->st_mode) && status->st_nlink == 1 &&
					     status->st_size > 0 && status->st_size <= PROCFS_PID_FILE_MAX);
}

/*
 * Could another generation need this file: is it a socket, or does it look like a pid file? The
 * supervisor knows; most files need no question. flags: O_NOFOLLOW or 0.
 */
static bool may_be_shared(int directory, const char *path, int flags)
{
	struct stat status;

	if (sys_stat(directory, path, &status, flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0) != 0 ||
	    !looks_shared(&status))
		return false;
	return S_ISSOCK(status.st_mode) || pid_in(directory, path, flags) > 0;
}

static enum verdict ask(const struct message *request, const int *fds, unsigned n_fds,
			struct message *reply, int *reply_fd)
{
	if (channel_request(request, fds, n_fds, reply, reply_fd) != 0)
		reply->type = MESSAGE_TYPE_END;
	/* It has taken over for good; who is no member (a shell in front of the server) hears of it here. */
	else if (reply->flags & MESSAGE_MORE)
		atomic_store(&session.family->starting, 0);
	return reply->type == MESSAGE_VERDICT ? (enum verdict)reply->value[0] : VERDICT_GO_ON;
}

/* -ENOENT, or what is there instead, to be closed, or FILE_GO_ON. */
static int look(int file_fd, bool for_reading)
{
	struct message request, reply;
	int stage_fd;

	message_init(&request, MESSAGE_LOOK);
	request.flags = for_reading ? MESSAGE_MORE : 0;
	if (ask(&request, &file_fd, 1, &reply, &stage_fd) == VERDICT_HIDE)
		return -ENOENT;
	return stage_fd >= 0 ? stage_fd : FILE_GO_ON;
}

static bool is_unseen(int file_fd)
{
	int stage_fd = look(file_fd, false);

	if (stage_fd >= 0)
		sys_close(stage_fd);
	return stage_fd == -ENOENT;
}

/* Without a supervisor: what is retired leaves alone what another one may need by now. */
static bool is_hidden_alone(int directory, const char *path)
{
	return retire_is_retired() && pid_in(directory, path, O_NOFOLLOW) != sys_getpid();
}

bool file_unlink_is_hidden(int directory, const char *path)
{
	struct message request, reply;
	struct place place;
	bool is_hidden = false;
	int none;

	if (!may_be_shared(directory, path, O_NOFOLLOW))
		return false;
	message_init(&request, MESSAGE_UNLINK);
	if (place_open(&place, directory, path, O_NOFOLLOW))
		is_hidden = ask(&request, (int *)&place, 2, &reply, &none) == VERDICT_HIDE ||
			    (reply.type == MESSAGE_TYPE_END && is_hidden_alone(directory, path));
	place_close(&place);
	return is_hidden;
}

bool file_rename_is_hidden(int from_directory, const char *from, int to_directory, const char *to, unsigned flags)
{
	struct message request, reply;
	struct place places[2];
	bool is_hidden = false;
	int none;

	if (!may_be_shared(to_directory, to, O_NOFOLLOW))
		return false;
	message_init(&request, MESSAGE_RENAME);
	places[1] = (struct place){ -1, -1 };
	/* mv(1) does not want to replace anything: what this generation does not see is nothing. */
	if (place_open(&places[0], to_directory, to, O_NOFOLLOW) &&
	    (!flags || is_unseen(places[0].file_fd)) &&
	    place_open(&places[1], from_directory, from, O_NOFOLLOW))
		is_hidden = ask(&request, (int *)places, 4, &reply, &none) == VERDICT_HIDE;
	place_close(&places[0]);
	place_close(&places[1]);
	return is_hidden;
}

bool file_process_is_hidden(int pid)
{
	struct message request, reply;
	int none;

	message_init(&request, MESSAGE_KILL);
	request.count = 1;
	request.value[0] = (uint64_t)pid;
	return ask(&request, NULL, 0, &reply, &none) == VERDICT_HIDE;
}

/* Where to write instead. */

/*
 * The program would have emptied the file that it writes to, and on a full disk got that room again:
 * what it writes beside it must have some, too.
 */
static bool has_room(int fd)
{
	long result = SYS_CALL(SYS_fallocate, fd, FALLOC_FL_KEEP_SIZE, 0, PROCFS_PID_FILE_MAX);

	return result == 0 || result == -EOPNOTSUPP || result == -ENOSYS || result == -EBADF;
}

/* In the same file system, so that it can get a name there; or in memory, where that cannot be. */
static int open_stage(int directory_fd, int flags, unsigned mode)
{
	int access = (flags & O_ACCMODE) == O_RDONLY ? O_RDWR : flags & O_ACCMODE;
	int fd = (int)SYS_CALL(SYS_openat, directory_fd, ".",
			       O_TMPFILE | O_CLOEXEC | access |
				       (flags & (O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC)),
			       mode);

	if (fd >= 0 && has_room(fd))
		return fd;
	if (fd >= 0)
		sys_close(fd);
	fd = (int)SYS_CALL(SYS_memfd_create, "pid file", MFD_CLOEXEC);
	if (fd >= 0) {
		sys_fcntl(fd, F_SETFL, flags & (O_APPEND | O_NONBLOCK));
		(void)SYS_CALL(SYS_fchmod, fd, mode & 0755);
	}
	return fd;
}

/* The same file again, with an offset and flags of this opening's own. */
static int open_again(int former_fd, int flags)
{
	char link[32] = "/proc/thread-self/fd/";

	procfs_format_number(link + strlen(link), (unsigned)former_fd);
	return sys_openat(AT_FDCWD, link, flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW));
}

/* The lowest number that is free, as open(2) gives. */
static int settle_number(int fd, int flags)
{
	int lowest = fd < 0 ? fd :
			      sys_fcntl(fd, flags & O_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD, 0);

	if (fd >= 0)
		sys_close(fd);
	return lowest;
}

/* The stage is ours no more: what the program is to get, or FILE_GO_ON. */
static int write_as_told(const struct message *request, const struct place *place, int stage_fd,
			 int flags, bool hides_alone)
{
	const int fds[] = { place->directory_fd, place->file_fd, stage_fd };
	struct message reply;
	int former_fd;
	enum verdict verdict = ask(request, fds, 3, &reply, &former_fd);

	if (verdict == VERDICT_HIDE || (reply.type == MESSAGE_TYPE_END && hides_alone))
		return stage_fd;
	sys_close(stage_fd);
	if (verdict == VERDICT_FAIL)
		return -(int)reply.value[1];
	if (verdict == VERDICT_KEEP)
		return open_again(place->file_fd, flags & ~O_TRUNC);
	if (former_fd < 0)
		return FILE_GO_ON;
	stage_fd = open_again(former_fd, flags);
	sys_close(former_fd);
	return stage_fd;
}

int file_open_instead(int directory, const char *path, int flags, unsigned mode)
{
	/* What is created by O_EXCL is never a link's target (open(2)). */
	int follow = flags & O_EXCL ? O_NOFOLLOW : flags & O_NOFOLLOW;
	struct message request;
	struct place place;
	int stage_fd, fd = FILE_GO_ON;

	/* What is appended to is a log, also if there is but one number in it. */
	if (flags & O_APPEND || !may_be_shared(directory, path, follow))
		return FILE_GO_ON;
	message_init(&request, MESSAGE_WRITE);
	request.count = 1;
	request.value[0] = (uint64_t)flags;
	if (place_open(&place, directory, path, follow)) {
		stage_fd = open_stage(place.directory_fd, flags, mode);
		if (stage_fd >= 0)
			fd = write_as_told(&request, &place, stage_fd, flags,
					   is_hidden_alone(directory, path));
	}
	place_close(&place);
	return fd == FILE_GO_ON ? fd : settle_number(fd, flags);
}

/* The process whose directory in /proc this is, or is in; 0: none. */
static int pid_of_path(const char *path)
{
	static const char proc[] = "/proc/";
	int pid = 0;

	if (strncmp(path, proc, strlen(proc)) != 0)
		return 0;
	for (path += strlen(proc); *path >= '0' && *path <= '9' && pid < INT_MAX / 10; path++)
		pid = pid * 10 + (*path - '0');
	return *path == '\0' || *path == '/' ? pid : 0;
}

static bool is_of_hidden_process(int pid)
{
	return pid != sys_getpid() && file_process_is_hidden(pid);
}

/*
 * Not a worker that was forked by one with a listener and has not to do with it itself: it may have confined
 * itself to system calls that these are not among (seccomp(2)).
 */
static bool is_looking(void)
{
	return !session_has_family() || atomic_load(&session.process->state) == PROCESS_MEMBER;
}

bool file_look_is_hidden(int directory, const char *path, int flags, struct stat *status)
{
	int pid = path ? pid_of_path(path) : 0, file_fd, stage_fd;

	if (!is_looking())
		return false;
	if (pid)
		return is_of_hidden_process(pid);
	if (!path || (status && !looks_shared(status)) || !may_be_shared(directory, path, flags))
		return false;
	file_fd = sys_openat(directory, path, O_PATH | flags);
	if (file_fd < 0)
		return false;
	stage_fd = look(file_fd, false);
	sys_close(file_fd);
	if (stage_fd >= 0 && status)
		(void)sys_fstat(stage_fd, status);
	if (stage_fd >= 0)
		sys_close(stage_fd);
	return stage_fd == -ENOENT;
}

/* Its number is kept. Without /proc (chroot) it reads what the old one has written. */
static void put_stage(int stage_fd, int fd, int flags)
{
	int again = open_again(stage_fd, flags);

	if (again < 0)
		return;
	sys_dup3(again, fd, flags & O_CLOEXEC);
	sys_close(again);
}

bool file_opened_is_hidden(int fd, const char *path, int flags)
{
	int pid = pid_of_path(path), stage_fd;
	struct stat status;

	if (!is_looking())
		return false;
	if (pid)
		return is_of_hidden_process(pid);
	if (sys_fstat(fd, &status) != 0 || !looks_shared(&status) ||
	    (!(flags & O_PATH) && pid_read(fd) <= 0))
		return false;
	stage_fd = look(fd, true);
	if (stage_fd >= 0) {
		put_stage(stage_fd, fd, flags);
		sys_close(stage_fd);
	}
	return stage_fd == -ENOENT;
}

int file_link_instead(int from_directory, const char *from, int to_directory, const char *to)
{
	struct message request;
	struct place place;
	int source_fd, fd = FILE_GO_ON;

	if (!may_be_shared(to_directory, to, O_NOFOLLOW))
		return FILE_GO_ON;
	message_init(&request, MESSAGE_WRITE);
	request.count = 1;
	request.value[0] = O_WRONLY | O_CREAT | O_EXCL;
	if (place_open(&place, to_directory, to, O_NOFOLLOW)) {
		source_fd = sys_openat(from_directory, from, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
		if (source_fd >= 0)
			fd = write_as_told(&request, &place, source_fd, O_RDONLY, false);
	}
	place_close(&place);
	if (fd >= 0)
		sys_close(fd);
	return fd >= 0 ? 0 : fd;
}
