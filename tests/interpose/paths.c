/*
 * What is done to files: opened for writing, removed, renamed, linked; pid files among them, and the
 * sockets of a program's own. Before the program listens, while it is about to replace another one,
 * and after.
 */
#include "observe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BAD ((void *)8) /* mapped nowhere */

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int directory, const char *path, int flags);
int __openat64_2(int directory, const char *path, int flags);
int __xstat(int version, const char *path, struct stat *status);
int __xstat64(int version, const char *path, struct stat64 *status);
int __lxstat(int version, const char *path, struct stat *status);
int __lxstat64(int version, const char *path, struct stat64 *status);
int __fxstatat(int version, int directory, const char *path, struct stat *status, int flags);
int __fxstatat64(int version, int directory, const char *path, struct stat64 *status, int flags);

static const char *volatile null = NULL; /* the compiler is not to know */

#define TRY(call)                         \
	do {                               \
		errno = 0;                     \
		told(#call, (long)(call));     \
	} while (0)

/* A descriptor, which must be the lowest that is free, and is closed again. */
#define TRY_OPEN(call)                             \
	do {                                        \
		errno = 0;                              \
		(void)close((int)told(#call, (call)));  \
	} while (0)

#define TRY_STREAM(call)                                                          \
	do {                                                                           \
		errno = 0;                                                                 \
		FILE *stream = (call);                                                     \
		told(#call, stream ? fileno(stream) : -1);                                 \
		if (stream)                                                                \
			fclose(stream);                                                        \
	} while (0)

static void say_file(const char *path)
{
	struct stat status;
	char text[64] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &status) != 0) {
		say("%s: %s", path, strerrorname_np(errno));
		return;
	}
	(void)!read(fd, text, sizeof(text) - 1);
	text[strcspn(text, "\n")] = '\0';
	/* A pid is another one in every run. */
	say("%s: mode %o, links %d, %s", path, (unsigned)status.st_mode & 07777, (int)status.st_nlink,
	    atoi(text) == getpid()  ? "our pid" :
	    atoi(text) == getppid() ? "our parent's" :
				      text);
	close(fd);
}

static void put(const char *path, int number)
{
	int fd = must(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644), path);

	dprintf(fd, "%d\n", number);
	close(fd);
}

static void bad_ones(void)
{
	say("- bad paths and flags");
	TRY_OPEN(open(null, O_WRONLY | O_CREAT, 0600));
	TRY_OPEN(open(BAD, O_WRONLY | O_CREAT, 0600));
	TRY_OPEN(open("", O_WRONLY | O_CREAT, 0600));
	TRY_OPEN(open("none/file", O_WRONLY | O_CREAT, 0600));
	TRY_OPEN(open("/dev/null/file", O_WRONLY | O_CREAT, 0600));
	TRY_OPEN(open(".", O_WRONLY));
	TRY_OPEN(open(".", O_RDONLY | O_DIRECTORY));
	TRY_OPEN(open("none", O_WRONLY));
	TRY_OPEN(open64(BAD, O_RDWR));
	TRY_OPEN(openat(77, "file", O_WRONLY | O_CREAT, 0600));
	TRY_OPEN(openat(0, "file", O_WRONLY | O_CREAT, 0600));
	TRY_OPEN(openat(AT_FDCWD, BAD, O_WRONLY | O_CREAT, 0600));
	TRY_OPEN(openat64(77, "file", O_WRONLY));
	TRY_OPEN(__open_2(BAD, O_WRONLY));
	TRY_OPEN(__open64_2("none", O_WRONLY | O_TRUNC));
	TRY_OPEN(__openat_2(77, "none", O_WRONLY));
	TRY_OPEN(__openat64_2(AT_FDCWD, "none", O_RDWR));
	TRY_OPEN(creat(BAD, 0600));
	TRY_OPEN(creat64("none/file", 0600));
	TRY_STREAM(fopen("none/file", "w"));
	TRY_STREAM(fopen("none", "r+"));
	TRY_STREAM(fopen("none", "?"));
	TRY_STREAM(fopen(BAD, "w"));
	TRY_STREAM(fopen64("none", "r"));
	TRY(unlink(null));
	TRY(unlink(BAD));
	TRY(unlink(""));
	TRY(unlink("none"));
	TRY(unlink("."));
	TRY(unlinkat(77, "none", 0));
	TRY(unlinkat(AT_FDCWD, ".", AT_REMOVEDIR));
	TRY(unlinkat(AT_FDCWD, "none", 0x1234));
	TRY(remove(BAD));
	TRY(remove("none"));
	TRY(rename(BAD, "none"));
	TRY(rename("none", BAD));
	TRY(rename("none", "other"));
	TRY(renameat(77, "none", AT_FDCWD, "other"));
	TRY(renameat2(AT_FDCWD, "none", AT_FDCWD, "other", 0x1234));
	TRY(renameat2(AT_FDCWD, "none", AT_FDCWD, BAD, RENAME_NOREPLACE));
	TRY(link(BAD, "none"));
	TRY(link("none", BAD));
	TRY(link("none", "other"));
	TRY(linkat(77, "none", AT_FDCWD, "other", 0));
	TRY(linkat(AT_FDCWD, "none", AT_FDCWD, "other", 0x1234));
	TRY(kill(getpid(), 0));
	TRY(kill(0, 0));
	TRY(kill(getpid(), 12345));
	TRY(kill(0x7fffffff, 0));
}

/* By every name that libc has for that. */
static void looked_at(const char *title, const char *path)
{
	struct stat status = { 0 };
	struct stat64 large = { 0 };
	struct statx more = { 0 };

	say("- looked at: %s", title);
	TRY(stat(path, &status));
	say("mode %o, empty %d", status.st_mode, status.st_size == 0);
	TRY(stat64(path, &large));
	TRY(lstat(path, &status));
	say("mode %o, empty %d", status.st_mode, status.st_size == 0);
	TRY(lstat64(path, &large));
	TRY(fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW));
	TRY(fstatat(77, path, &status, 0));
	TRY(fstatat64(AT_FDCWD, path, &large, 0x40000000));
	TRY(fstatat64(0, "", &large, AT_EMPTY_PATH));
	TRY(statx(AT_FDCWD, path, 0, STATX_SIZE, &more));
	say("empty %d", more.stx_size == 0);
	TRY(statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MODE, BAD));
	TRY(__xstat(1, path, &status));
	TRY(__xstat64(1, path, &large));
	TRY(__lxstat(1, path, &status));
	TRY(__lxstat64(1, path, &large));
	TRY(__fxstatat(1, AT_FDCWD, path, &status, 0));
	TRY(__fxstatat64(1, AT_FDCWD, path, &large, AT_SYMLINK_NOFOLLOW));
	TRY(access(path, F_OK));
	TRY(access(path, 0x1234));
	TRY(eaccess(path, R_OK));
	TRY(euidaccess(path, X_OK));
	TRY(faccessat(AT_FDCWD, path, R_OK, AT_EACCESS));
	TRY(faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW));
}

/* One of each kind: its content, its mode, the number of what is opened. */
static void opened(const char *path)
{
	say("- opened: %s", path);
	TRY_OPEN(open(path, O_RDONLY));
	TRY_OPEN(open(path, O_WRONLY | O_CREAT, 0600));
	say_file(path);
	TRY_OPEN(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
	TRY_OPEN(open(path, O_RDWR | O_APPEND | O_CLOEXEC));
	TRY_OPEN(open(path, O_WRONLY | O_NOFOLLOW));
	TRY_OPEN(openat(AT_FDCWD, path, O_RDONLY | O_PATH));
	TRY_STREAM(fopen(path, "r"));
	TRY_STREAM(fopen(path, "r+e"));
	TRY_STREAM(fopen(path, "a"));
	TRY_STREAM(fopen(path, "wx"));
	say_file(path);
	TRY_OPEN(open64(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
	say_file(path);
	put(path, getpid());
	TRY_STREAM(fopen64(path, "w"));
	say_file(path);
	put(path, getppid());
	TRY_OPEN(creat(path, 0600));
	say_file(path);
}

static void replaced(int number)
{
	put("one", number);
	put("other", 1234567890);
	say("- replaced");
	TRY(rename("other", "one"));
	say_file("one");
	say_file("other");
	put("one", number);
	TRY(link("one", "two"));
	TRY(link("one", "two"));
	say_file("two");
	TRY(unlink("one"));
	say_file("one");
	say_file("two");
	TRY_OPEN(open("two", O_WRONLY | O_CREAT | O_EXCL, 0640));
	TRY(remove("two"));
	TRY_OPEN(open("two", O_WRONLY | O_CREAT | O_EXCL, 0640));
	say_file("two");
	TRY(symlink("two", "link"));
	put("two", number);
	looked_at("link", "link");
	TRY_OPEN(open("link", O_WRONLY | O_CREAT | O_EXCL, 0640));
	TRY_OPEN(open("link", O_WRONLY | O_NOFOLLOW));
	TRY_OPEN(open("link", O_WRONLY | O_TRUNC));
	say_file("two");
	TRY(unlinkat(AT_FDCWD, "link", 0));
	TRY(unlink("two"));
	TRY(renameat2(AT_FDCWD, "none", AT_FDCWD, "two", 1));
	TRY(mkdir("directory", 0700));
	TRY(remove("directory"));
}

/* A socket of its own, that is nobody else's. */
static void sockets(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0observed-name" };
	int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
	int other = must(socket(AF_UNIX, SOCK_SEQPACKET, 0), "socket");
	struct stat status;

	say("- sockets");
	TRY(connect(fd, BAD, sizeof(address)));
	TRY(connect(fd, NULL, 0));
	TRY(connect(fd, (struct sockaddr *)&address, 1));
	TRY(connect(fd, (struct sockaddr *)&address, sizeof(address)));
	TRY(connect(fd, (struct sockaddr *)&name, sizeof(name)));
	TRY(connect(-1, (struct sockaddr *)&address, sizeof(address)));
	TRY(bind(fd, BAD, sizeof(address)));
	TRY(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	TRY(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	TRY(bind(other, (struct sockaddr *)&address, sizeof(address)));
	say("a socket: %d", stat("socket", &status) == 0 && S_ISSOCK(status.st_mode));
	TRY(connect(other, (struct sockaddr *)&address, sizeof(address)));
	TRY_OPEN(open("socket", O_WRONLY | O_CREAT, 0600));
	looked_at("socket", "socket");
	TRY(rename("socket", "renamed"));
	TRY(unlink("socket"));
	TRY(unlink("renamed"));
	close(fd);
	close(other);
	fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
	TRY(bind(fd, (struct sockaddr *)&name, sizeof(sa_family_t)));
	close(fd);
}

/* By a child that was forked, as daemons do. */
static void in_a_child(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		put("child", getpid());
		say_file("child");
		_exit(unlink("child") == 0 ? 3 : 4);
	}
	must(waitpid(pid, &status, 0), "waitpid");
	say("child: %d", WEXITSTATUS(status));
	say_file("child");
}

static void all(void)
{
	bad_ones();
	looked_at("NULL", null);
	looked_at("bad", BAD);
	looked_at("nothing", "");
	looked_at("none", "none");
	looked_at("directory", ".");
	looked_at("init", "/proc/1");
	looked_at("self", "/proc/self/stat");
	looked_at("no process", "/proc/99999999/stat");
	looked_at("no number", "/proc/99999999999999999999");
	put("plain", 1234567890);
	opened("plain");
	put("pid", getpid());
	looked_at("pid", "pid");
	opened("pid");
	put("parent", getppid());
	looked_at("parent", "parent");
	opened("parent");
	replaced(getpid());
	replaced(getppid());
	sockets();
	in_a_child();
	(void)!system("rm -f plain pid parent one other two");
}

int main(void)
{
	char directory[] = "observe-paths.XXXXXX";
	int listen_fd;

	umask(022);
	if (!mkdtemp(directory) || chdir(directory) != 0)
		return 98;
	if (generation() == 2)
		all();
	listen_fd = listener(8080);
	settle(listen_fd);
	all();
	if (chdir("..") != 0 || rmdir(directory) != 0)
		say("left over: %s", directory);
	say("the end");
	return 5;
}
