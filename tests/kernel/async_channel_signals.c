/*
 * The channel: O_ASYNC with F_SETSIG tells of a message and of the other end's death, and on which
 * fd.
 */
#include "kernel.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>

/* SIGIO would mean that the queue of real-time signals was full. */
static bool signal_comes(int signal_number, int *fd)
{
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal_number);
	if (sigtimedwait(&set, &info, &(struct timespec){ .tv_sec = 2 }) != signal_number)
		return false;
	*fd = info.si_fd;
	return true;
}

static void signals_forget(int signal_number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal_number);
	while (sigtimedwait(&set, NULL, &(struct timespec){ .tv_nsec = 20000000 }) > 0)
		continue;
}

int main(void)
{
	int pair[2], fd = -1, signal_number = SIGRTMIN + 3;
	sigset_t set;
	char byte;

	sigemptyset(&set);
	sigaddset(&set, signal_number);
	sigprocmask(SIG_BLOCK, &set, NULL);
	require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0,
		"there are pairs");
	require(fcntl(pair[0], F_SETOWN, getpid()) == 0 &&
		fcntl(pair[0], F_SETSIG, signal_number) == 0 &&
		fcntl(pair[0], F_SETFL, O_ASYNC | O_NONBLOCK) == 0, "O_ASYNC can be set");
	byte_send(pair[1], 'm');
	require(signal_comes(signal_number, &fd) && fd == pair[0],
		"a message raises the signal, with si_fd");
	require(recv(pair[0], &byte, 1, 0) == 1 && byte == 'm', "the message is there by then");
	signals_forget(signal_number);
	close(pair[1]);
	fd = -1;
	require(signal_comes(signal_number, &fd) && fd == pair[0],
		"the other end's close raises the signal, with si_fd");
	require(recv(pair[0], &byte, 1, 0) == 0, "the end is there by then");
	return 0;
}
