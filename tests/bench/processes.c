/*
 * processes SCRIPT: print the pids of the processes in our network namespace, except ourselves, the
 * script with this pid and what it forked to run its own functions (they share its command line),
 * and zombies. A test asks that all the time, and a shell would need a process for each question.
 */
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COMMAND_SIZE = 65536 };

static char script[COMMAND_SIZE];
static ssize_t script_length;

static ssize_t file_read(const char *pid, const char *name, char *text, size_t size)
{
	char path[300];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	n = read(fd, text, size);
	close(fd);
	return n;
}

static bool is_in_network(const char *pid, const struct stat *network)
{
	char path[300];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	return stat(path, &status) == 0 && status.st_ino == network->st_ino;
}

/* Of a first thread that has ended /proc shows no network: ask the others. */
static bool has_thread_in_network(const char *pid, const struct stat *network)
{
	struct dirent *entry;
	char path[300];
	bool is = false;
	DIR *tasks;

	if (is_in_network(pid, network))
		return true;
	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	tasks = opendir(path);
	while (tasks != NULL && !is && (entry = readdir(tasks)) != NULL)
		is = isdigit((unsigned char)entry->d_name[0]) && is_in_network(entry->d_name, network);
	if (tasks != NULL)
		closedir(tasks);
	return is;
}

/* A directory has a link for each in it: the first thread may be a zombie while others are not. */
static bool has_threads(const char *pid)
{
	struct stat status;
	char path[300];

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	return stat(path, &status) == 0 && status.st_nlink > 3;
}

/* Its name may hold anything: the state comes behind the last bracket (proc(5)). */
static bool is_zombie(const char *pid)
{
	char text[1024];
	ssize_t n = file_read(pid, "stat", text, sizeof(text) - 1);
	const char *end;

	if (n <= 0)
		return true;
	text[n] = '\0';
	end = strrchr(text, ')');
	if (end == NULL || strncmp(end, ") X", 3) == 0)
		return true;
	return strncmp(end, ") Z", 3) == 0 && !has_threads(pid);
}

static bool is_script(const char *pid)
{
	static char command[COMMAND_SIZE];
	ssize_t length = file_read(pid, "cmdline", command, sizeof(command));

	return length == script_length && memcmp(command, script, (size_t)length) == 0;
}

int main(int argc, char *argv[])
{
	struct dirent *entry;
	struct stat network;
	DIR *proc = opendir("/proc");

	if (argc != 2 || proc == NULL || stat("/proc/self/ns/net", &network) == -1)
		errx(2, "usage: processes SCRIPT-PID");
	script_length = file_read(argv[1], "cmdline", script, sizeof(script));
	while ((entry = readdir(proc)) != NULL) {
		if (isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) != getpid() &&
		    has_thread_in_network(entry->d_name, &network) && !is_zombie(entry->d_name) &&
		    !is_script(entry->d_name))
			puts(entry->d_name);
	}
}
