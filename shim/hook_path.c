/*
 * Hooks: what becomes of files that another generation of the service needs, and of the process that
 * a pid file names. Each asks first whether this process is one to which that matters at all.
 */
#include "file.h"
#include "hooks.h"
#include "session.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static bool unlink_is_hidden(int directory, const char *path)
{
	return session_shares_files() && file_unlink_is_hidden(directory, path);
}

int hook_unlink(const char *path)
{
	return unlink_is_hidden(AT_FDCWD, path) ? 0 : REAL(unlink)(path);
}

int hook_unlinkat(int directory, const char *path, int flags)
{
	return flags == 0 && unlink_is_hidden(directory, path) ? 0 :
								 REAL(unlinkat)(directory, path, flags);
}

int hook_remove(const char *path)
{
	return unlink_is_hidden(AT_FDCWD, path) ? 0 : REAL(remove)(path);
}

static bool rename_is_hidden(int from_directory, const char *from, int to_directory, const char *to, unsigned flags)
{
	return session_is_starting() && (flags == 0 || flags == RENAME_NOREPLACE) &&
	       file_rename_is_hidden(from_directory, from, to_directory, to, flags);
}

int hook_rename(const char *from, const char *to)
{
	return rename_is_hidden(AT_FDCWD, from, AT_FDCWD, to, 0) ? 0 : REAL(rename)(from, to);
}

int hook_renameat(int from_directory, const char *from, int to_directory, const char *to)
{
	return rename_is_hidden(from_directory, from, to_directory, to, 0) ?
		       0 :
		       REAL(renameat)(from_directory, from, to_directory, to);
}

int hook_renameat2(int from_directory, const char *from, int to_directory, const char *to,
		   unsigned flags)
{
	return rename_is_hidden(from_directory, from, to_directory, to, flags) ?
		       0 :
		       REAL(renameat2)(from_directory, from, to_directory, to, flags);
}

/* True: it is settled, with this result and errno. */
static bool is_settled(int instead, int *result)
{
	if (instead < 0 && instead != FILE_GO_ON)
		errno = -instead;
	*result = instead < 0 ? -1 : instead;
	return instead != FILE_GO_ON;
}

static bool link_is_settled(int from_directory, const char *from, int to_directory, const char *to,
			    int *result)
{
	return session_is_starting() &&
	       is_settled(file_link_instead(from_directory, from, to_directory, to), result);
}

int hook_link(const char *from, const char *to)
{
	int result;

	return link_is_settled(AT_FDCWD, from, AT_FDCWD, to, &result) ? result :
								       REAL(link)(from, to);
}

int hook_linkat(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
	int result;

	if (flags == 0 && link_is_settled(from_directory, from, to_directory, to, &result))
		return result;
	return REAL(linkat)(from_directory, from, to_directory, to, flags);
}

/* Does it create or change a file? */
static bool is_for_writing(int flags)
{
	return (flags & O_TMPFILE) != O_TMPFILE && !(flags & (O_PATH | O_DIRECTORY)) &&
	       ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC ||
		(flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL));
}

static __attribute__((noinline)) bool open_is_settled(int directory, const char *path, int flags,
						       mode_t mode, int *result)
{
	return is_for_writing(flags) &&
	       is_settled(file_open_instead(directory, path, flags, mode), result);
}

/* What was opened for reading, or nothing. */
static __attribute__((noinline)) int look_at_opened(int fd, const char *path, int flags)
{
	if (fd < 0 || flags & O_CREAT || is_for_writing(flags) || !file_opened_is_hidden(fd, path, flags))
		return fd;
	sys_close(fd);
	errno = ENOENT;
	return -1;
}

static inline int opened(int fd, const char *path, int flags)
{
	return session_is_starting() ? look_at_opened(fd, path, flags) : fd;
}

/* *status is what was found; NULL: that is not known. */
static __attribute__((noinline)) bool look_is_hidden(int directory, const char *path, int flags, struct stat *status)
{
	if (!file_look_is_hidden(directory, path, flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0, status))
		return false;
	errno = ENOENT;
	return true;
}

/* Something is there, by every name that libc has for this question; for a generation that starts there may not be. */
#define LOOK(name, params, args, directory, flags, status)                                    \
	int hook_##name params                                                                     \
	{                                                                                          \
		int result = REAL(name) args;                                                          \
		if (session_is_starting() && result == 0 && look_is_hidden(directory, path, flags, status)) \
			result = -1;                                                                       \
		return result;                                                                         \
	}
/* Where files are not larger for one than for the other. */
#define SAME(status) (sizeof(*(status)) == sizeof(struct stat) ? (struct stat *)(void *)(status) : NULL)

LOOK(access, (const char *path, int mode), (path, mode), AT_FDCWD, 0, NULL)
LOOK(eaccess, (const char *path, int mode), (path, mode), AT_FDCWD, 0, NULL)
LOOK(euidaccess, (const char *path, int mode), (path, mode), AT_FDCWD, 0, NULL)
LOOK(faccessat, (int directory, const char *path, int mode, int flags), (directory, path, mode, flags),
     directory, flags, NULL)
LOOK(stat, (const char *path, struct stat *status), (path, status), AT_FDCWD, 0, status)
LOOK(lstat, (const char *path, struct stat *status), (path, status), AT_FDCWD, AT_SYMLINK_NOFOLLOW, status)
LOOK(fstatat, (int directory, const char *path, struct stat *status, int flags),
     (directory, path, status, flags), directory, flags, status)
LOOK(__xstat, (int version, const char *path, struct stat *status), (version, path, status),
     AT_FDCWD, 0, status)
LOOK(__lxstat, (int version, const char *path, struct stat *status), (version, path, status),
     AT_FDCWD, AT_SYMLINK_NOFOLLOW, status)
LOOK(__fxstatat, (int version, int directory, const char *path, struct stat *status, int flags),
     (version, directory, path, status, flags), directory, flags, status)
LOOK(stat64, (const char *path, struct stat64 *status), (path, status), AT_FDCWD, 0, SAME(status))
LOOK(lstat64, (const char *path, struct stat64 *status), (path, status),
     AT_FDCWD, AT_SYMLINK_NOFOLLOW, SAME(status))
LOOK(fstatat64, (int directory, const char *path, struct stat64 *status, int flags),
     (directory, path, status, flags), directory, flags, SAME(status))
LOOK(__xstat64, (int version, const char *path, struct stat64 *status), (version, path, status),
     AT_FDCWD, 0, SAME(status))
LOOK(__lxstat64, (int version, const char *path, struct stat64 *status), (version, path, status),
     AT_FDCWD, AT_SYMLINK_NOFOLLOW, SAME(status))
LOOK(__fxstatat64, (int version, int directory, const char *path, struct stat64 *status, int flags),
     (version, directory, path, status, flags), directory, flags, SAME(status))
LOOK(statx, (int directory, const char *path, int flags, unsigned mask, struct statx *status),
     (directory, path, flags, mask, status), directory, flags, NULL)

int hook_open(const char *path, int flags, mode_t mode)
{
	int result;

	if (session_may_not_write() && open_is_settled(AT_FDCWD, path, flags, mode, &result))
		return result;
	return opened(REAL(open)(path, flags, mode), path, flags);
}

int hook_open64(const char *path, int flags, mode_t mode)
{
	int result;

	if (session_may_not_write() && open_is_settled(AT_FDCWD, path, flags, mode, &result))
		return result;
	return opened(REAL(open64)(path, flags, mode), path, flags);
}

int hook_openat(int directory, const char *path, int flags, mode_t mode)
{
	int result;

	if (session_may_not_write() && open_is_settled(directory, path, flags, mode, &result))
		return result;
	return opened(REAL(openat)(directory, path, flags, mode), path, flags);
}

int hook_openat64(int directory, const char *path, int flags, mode_t mode)
{
	int result;

	if (session_may_not_write() && open_is_settled(directory, path, flags, mode, &result))
		return result;
	return opened(REAL(openat64)(directory, path, flags, mode), path, flags);
}

int hook___open_2(const char *path, int flags)
{
	int result;

	if (session_may_not_write() && !(flags & O_CREAT) &&
	    open_is_settled(AT_FDCWD, path, flags, 0, &result))
		return result;
	return opened(REAL(__open_2)(path, flags), path, flags);
}

int hook___open64_2(const char *path, int flags)
{
	int result;

	if (session_may_not_write() && !(flags & O_CREAT) &&
	    open_is_settled(AT_FDCWD, path, flags, 0, &result))
		return result;
	return opened(REAL(__open64_2)(path, flags), path, flags);
}

int hook___openat_2(int directory, const char *path, int flags)
{
	int result;

	if (session_may_not_write() && !(flags & O_CREAT) &&
	    open_is_settled(directory, path, flags, 0, &result))
		return result;
	return opened(REAL(__openat_2)(directory, path, flags), path, flags);
}

int hook___openat64_2(int directory, const char *path, int flags)
{
	int result;

	if (session_may_not_write() && !(flags & O_CREAT) &&
	    open_is_settled(directory, path, flags, 0, &result))
		return result;
	return opened(REAL(__openat64_2)(directory, path, flags), path, flags);
}

#define CREAT_FLAGS (O_WRONLY | O_CREAT | O_TRUNC)

int hook_creat(const char *path, mode_t mode)
{
	int result;

	if (session_may_not_write() && open_is_settled(AT_FDCWD, path, CREAT_FLAGS, mode, &result))
		return result;
	return REAL(creat)(path, mode);
}

int hook_creat64(const char *path, mode_t mode)
{
	int result;

	if (session_may_not_write() && open_is_settled(AT_FDCWD, path, CREAT_FLAGS, mode, &result))
		return result;
	return REAL(creat64)(path, mode);
}

/* The flags of open(2) for a mode of fopen(3); -1 for one of another kind. */
static int flags_of(const char *mode)
{
	int flags = mode[0] == 'w' ? O_CREAT | O_TRUNC : mode[0] == 'a' ? O_CREAT | O_APPEND : 0;

	if ((mode[0] != 'r' && !flags) || strstr(mode, "ccs="))
		return -1;
	flags |= strchr(mode, '+') ? O_RDWR : flags ? O_WRONLY : O_RDONLY;
	return flags | (strchr(mode, 'x') ? O_EXCL : 0) | (strchr(mode, 'e') ? O_CLOEXEC : 0);
}

static __attribute__((noinline)) bool fopen_is_settled(const char *path, const char *mode,
							FILE **result)
{
	int fd, flags = flags_of(mode);

	if (flags < 0 || !open_is_settled(AT_FDCWD, path, flags, 0666, &fd))
		return false;
	*result = fd >= 0 ? fdopen(fd, mode) : NULL;
	return true;
}

/* Closes it if it is to be hidden. */
static __attribute__((noinline)) FILE *look_at_stream(FILE *stream, const char *path, const char *mode)
{
	int flags = flags_of(mode);

	flags = flags < 0 ? O_RDONLY : flags;
	if (!stream || is_for_writing(flags) || !file_opened_is_hidden(fileno(stream), path, flags))
		return stream;
	fclose(stream);
	errno = ENOENT;
	return NULL;
}

FILE *hook_fopen(const char *path, const char *mode)
{
	FILE *result;

	if (session_may_not_write() && fopen_is_settled(path, mode, &result))
		return result;
	result = REAL(fopen)(path, mode);
	return session_is_starting() ? look_at_stream(result, path, mode) : result;
}

FILE *hook_fopen64(const char *path, const char *mode)
{
	FILE *result;

	if (session_may_not_write() && fopen_is_settled(path, mode, &result))
		return result;
	result = REAL(fopen64)(path, mode);
	return session_is_starting() ? look_at_stream(result, path, mode) : result;
}

/*
 * Does the process of a pid file still live? A new generation that finds the one which it is to replace
 * would refuse to start. Then errno says so.
 */
static bool process_is_hidden(pid_t pid)
{
	if (pid <= 0 || !session_is_starting() || !file_process_is_hidden(pid))
		return false;
	errno = ESRCH;
	return true;
}

int hook_kill(pid_t pid, int signal)
{
	return signal == 0 && process_is_hidden(pid) ? -1 : REAL(kill)(pid, signal);
}

/* chronyd asks so. */
pid_t hook_getsid(pid_t pid)
{
	return process_is_hidden(pid) ? -1 : REAL(getsid)(pid);
}

pid_t hook_getpgid(pid_t pid)
{
	return process_is_hidden(pid) ? -1 : REAL(getpgid)(pid);
}
