/* The habits that servers have with their pid files. */
#include "common.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* As apache does, even with its exit code. */
void pid_file_check(const struct options *options)
{
	FILE *file = options->pid_check ? fopen(options->pid_file, "re") : NULL;
	int pid;

	if (file == NULL)
		return;
	if (fscanf(file, "%d", &pid) == 1 && pid != getpid() && kill(pid, 0) == 0) {
		fprintf(stderr, "server (pid %d) already running\n", pid);
		exit(0);
	}
	fclose(file);
}

static int must_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	if (fd == -1)
		err(1, "cannot open %s", path);
	return fd;
}

static void write_and_close(int fd, const char *path)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d\n", getpid());

	if (write(fd, text, (size_t)length) != length || close(fd) == -1)
		err(1, "cannot write %s", path);
}

static void write_by_fopen(const char *path)
{
	FILE *file = fopen(path, "we");

	if (file == NULL)
		err(1, "cannot write %s", path);
	fprintf(file, "%d\n", getpid());
	fclose(file);
}

/* As php-fpm does. */
static void write_by_creat(const char *path)
{
	int fd;

	unlink(path);
	fd = creat(path, 0640);
	if (fd == -1)
		err(1, "cannot create %s", path);
	write_and_close(fd, path);
}

/* As dnsmasq does: nobody may have put a link there. */
static void write_by_excl(const char *path)
{
	if (unlink(path) == -1 && errno != ENOENT)
		err(1, "unlink(%s)", path);
	write_and_close(must_open(path, O_WRONLY | O_CREAT | O_EXCL | O_TRUNC), path);
}

/* As gunicorn does: mkstemp() makes it 0600. */
static void write_by_rename(const char *path)
{
	char other[4096];
	int fd;

	snprintf(other, sizeof(other), "%s.XXXXXX", path);
	fd = mkostemp(other, O_CLOEXEC);
	if (fd == -1)
		err(1, "mkostemp(%s)", other);
	write_and_close(fd, other);
	if (rename(other, path) == -1 || chmod(path, 0644) == -1)
		err(1, "cannot rename to %s", path);
}

static void write_in_place(const char *path)
{
	int fd = must_open(path, O_RDWR | O_CREAT);

	if (ftruncate(fd, 0) == -1)
		err(1, "ftruncate(%s)", path);
	write_and_close(fd, path);
}

static void write_by_link(const char *path)
{
	char other[4096];

	snprintf(other, sizeof(other), "%s.%d", path, getpid());
	write_and_close(must_open(other, O_WRONLY | O_CREAT | O_TRUNC), other);
	unlink(path);
	if (link(other, path) == -1 || unlink(other) == -1)
		err(1, "cannot link %s", path);
}

static void write_by_shell(const char *path)
{
	char command[4096];

	snprintf(command, sizeof(command), "echo %d >'%s'", getpid(), path);
	if (system(command) != 0)
		errx(1, "%s failed", command);
}

static void write_locked(const char *path)
{
	FILE *file = fopen(path, "we");

	if (file == NULL)
		err(1, "cannot write %s", path);
	if (flock(fileno(file), LOCK_EX | LOCK_NB) == -1)
		errx(4, "another one has locked %s", path);
	fprintf(file, "%d\n", getpid());
	fflush(file);	/* and never closed */
}

void pid_file_write(const struct options *options)
{
	static void (*const styles[])(const char *path) = {
		[PID_FOPEN] = write_by_fopen, [PID_CREAT] = write_by_creat,
		[PID_EXCL] = write_by_excl,   [PID_RENAME] = write_by_rename,
		[PID_KEEP] = write_in_place,  [PID_LINK] = write_by_link,
		[PID_SHELL] = write_by_shell, [PID_LOCK] = write_locked,
		[PID_EMPTIED] = write_by_fopen,
	};

	if (options->pid_file != NULL)
		styles[options->pid_style](options->pid_file);
}

/* unbound empties it before. */
void pid_file_remove(const struct options *options)
{
	if (options->pid_style == PID_EMPTIED)
		close(must_open(options->pid_file, O_WRONLY | O_TRUNC));
	unlink(options->pid_file);
}
