/*
 * A process that ends closes its files one by one: when its peers see one of them closed, it may hold a lock by
 * another. /proc says then that it is ending, and when its pidfd is readable it has let go of everything.
 */
#include "kernel.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>

#define ROUNDS 100
#define SOCKETS 50
#define FLAG_EXITING 4

/* The lock has a low number and the channel a high one, with something to close in between. */
static void hold(const char *path, int channel)
{
	int lock = open(path, O_RDWR);
	char byte = 'x';

	for (int i = 0; i < SOCKETS; i++)
		(void)socket(AF_INET, SOCK_STREAM, 0);
	require(flock(lock, LOCK_EX | LOCK_NB) == 0, "the lock is free when the one before has ended");
	require(write(fcntl(channel, F_DUPFD, 100), &byte, 1) == 1, "a word that it is there");
	close(channel);
	pause();
}

static bool is_ending(pid_t pid)
{
	char path[64], text[1024] = "";
	unsigned long flags = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY);
	require(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, "it can be looked at until it is waited for");
	close(fd);
	require(sscanf(strrchr(text, ')'), ") %*c %*d %*d %*d %*d %*d %lu", &flags) == 1, "it has flags");
	return flags & FLAG_EXITING;
}

static void end_one(const char *path, int lock)
{
	int channel[2], pidfd;
	char byte;
	pid_t pid;

	require(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel) == 0, "a channel");
	pid = fork();
	if (pid == 0) {
		close(channel[0]);
		close(lock);
		hold(path, channel[1]);
	}
	close(channel[1]);
	require(read(channel[0], &byte, 1) == 1, "the child is there");
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	require(pidfd >= 0, "a descriptor of the process");
	require(!is_ending(pid), "one that lives is not ending");
	kill(pid, SIGKILL);
	require(is_readable(channel[0], 5000), "its channel is closed");
	require(is_ending(pid), "it is ending when that is seen");
	require(is_readable(pidfd, 5000), "it has ended");
	require(flock(lock, LOCK_EX | LOCK_NB) == 0, "its lock is free by then");
	flock(lock, LOCK_UN);
	require(child_wait(pid) == -1, "it was killed");
	close(channel[0]);
	close(pidfd);
}

int main(void)
{
	char path[] = "/tmp/flip-kernel.XXXXXX";
	int lock = mkstemp(path);

	require(lock >= 0, "a file to lock");
	for (int i = 0; i < ROUNDS; i++)
		end_one(path, lock);
	unlink(path);
}
