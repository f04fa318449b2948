/* Why the hooks of the wait calls hide our own interruption: the kernel restarts none of them. */
#include "kernel.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>

static long call_poll(int fd)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	return poll(&wanted, 1, 10000);
}

static long call_ppoll(int fd)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	return ppoll(&wanted, 1, NULL, NULL);
}

static long call_pselect(int fd)
{
	fd_set wanted;

	FD_ZERO(&wanted);
	FD_SET(fd, &wanted);
	return pselect(fd + 1, &wanted, NULL, NULL, NULL, NULL);
}

static long call_epoll_wait(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
	return syscall(SYS_epoll_pwait, epoll_fd, &event, 1, 10000, NULL, 8);
}

/* signal(7): with a time limit of its own a socket call is not restarted either. */
static long call_accept_with_limit(int fd)
{
	struct timeval limit = { .tv_sec = 10 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return accept(fd, NULL, NULL);
}

static void expect_eintr(long (*call)(int fd), int fd, long number, const char *sentence)
{
	struct caller caller;

	caller_start(&caller, call, fd, number);
	thread_signal(caller.tid, SIGRTMIN + 3);
	require(caller_returns(&caller, 2000) && caller.result == -1 && caller.error == EINTR,
		sentence);
	pthread_join(caller.thread, NULL);
}

int main(void)
{
	struct sockaddr_in address;
	int listen_fd = listener_new(&address);
	struct caller caller;

	handler_count(SIGRTMIN + 3, SA_RESTART);
#ifdef SYS_poll
	expect_eintr(call_poll, listen_fd, SYS_poll, "poll() gives EINTR in spite of SA_RESTART");
#else
	(void)call_poll;
#endif
	expect_eintr(call_ppoll, listen_fd, SYS_ppoll,
		     "ppoll() gives EINTR in spite of SA_RESTART");
	expect_eintr(call_pselect, listen_fd, SYS_pselect6,
		     "pselect() gives EINTR in spite of SA_RESTART");
	expect_eintr(call_epoll_wait, listen_fd, SYS_epoll_pwait,
		     "epoll_wait() gives EINTR in spite of SA_RESTART");
	caller_start(&caller, call_accept, listen_fd, SYS_accept);
	thread_signal(caller.tid, SIGRTMIN + 3);
	require(!caller_returns(&caller, 50), "accept() is restarted");
	client_new(&address);
	require(caller_returns(&caller, 2000), "the restarted accept() takes a client");
	expect_eintr(call_accept_with_limit, listen_fd, SYS_accept,
		     "accept() with SO_RCVTIMEO gives EINTR in spite of SA_RESTART");
	return 0;
}
