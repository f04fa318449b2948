/* How long calls wait, what ends them, and what they leave behind. */
#include "observe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t start_ms;
static bool is_storm(void);

/* EINTR that is left in errno is seen as well. */
#define TIMED(what, call)                                                           \
	do {                                                                         \
		long timed_result;                                                   \
		errno = 0;                                                           \
		handled = 0;                                                         \
		start_ms = now_ms();                                                 \
		timed_result = (long)(call);                                         \
		int timed_errno = errno;                                             \
		const char *timed_since = since(start_ms);                           \
		say("%s: %s %s %s, %d handled", what, timed_result < 0 ? "-1" :      \
		    timed_result == 0 ? "0" : "positive",                            \
		    timed_result < 0 || timed_errno == EINTR ? strerrorname_np(timed_errno) : "", \
		    timed_since, handled);                                           \
	} while (0)

/* In ms, another thread makes a connection: what ends a call that goes on waiting. */
static int visit_port;

static void *visit(void *delay)
{
	usleep(*(useconds_t *)delay * 1000);
	close(client(visit_port));
	return NULL;
}

static void with_visit(const char *what, int listen_fd, int (*call)(int))
{
	static useconds_t delay = 400;
	pthread_t thread;
	sigset_t set, old;

	visit_port = port_of(listen_fd);
	sigfillset(&set);
	pthread_sigmask(SIG_SETMASK, &set, &old);
	pthread_create(&thread, NULL, visit, &delay);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	alarm_in_ms(200);
	TIMED(what, call(listen_fd));
	pthread_join(thread, NULL);
	struct pollfd wait = { .fd = listen_fd, .events = POLLIN };
	if (poll(&wait, 1, 0) == 1) /* interrupted: the client is still there */
		close(accept(listen_fd, NULL, NULL));
}

static int accept_one(int fd)
{
	int accepted = accept(fd, NULL, NULL);

	if (accepted >= 0)
		close(accepted);
	return accepted;
}

static int accept4_one(int fd)
{
	int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK);

	if (accepted >= 0)
		close(accepted);
	return accepted;
}

static void blocking_accepts(int listen_fd)
{
	say("- blocking accept");
	handle(SIGALRM, SA_RESTART);
	with_visit("accept, SA_RESTART", listen_fd, accept_one);
	with_visit("accept4, SA_RESTART", listen_fd, accept4_one);
	handle(SIGALRM, 0);
	with_visit("accept, no SA_RESTART", listen_fd, accept_one);
	with_visit("accept4, no SA_RESTART", listen_fd, accept4_one);
}

static void set_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	must(fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK), "F_SETFL");
	say("O_NONBLOCK %d", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
}

static void nonblocking_accepts(int listen_fd)
{
	int on = 1, fd;

	say("- non-blocking accept");
	set_nonblocking(listen_fd, true);
	TIMED("accept", accept_one(listen_fd));
	TIMED("accept4", accept4_one(listen_fd));
	fd = client(port_of(listen_fd));
	on = accept(listen_fd, NULL, NULL);
	say("accepted: O_NONBLOCK %d", (fcntl(on, F_GETFL) & O_NONBLOCK) != 0);
	close(on);
	close(fd);
	fd = client(port_of(listen_fd));
	on = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	say("accepted: O_NONBLOCK %d, FD_CLOEXEC %d", (fcntl(on, F_GETFL) & O_NONBLOCK) != 0,
	    fcntl(on, F_GETFD));
	close(on);
	close(fd);
	set_nonblocking(listen_fd, false);
	handle(SIGALRM, 0);
	alarm_in_ms(200);
	TIMED("accept again", accept_one(listen_fd));
	on = 1;
	told("FIONBIO", ioctl(listen_fd, FIONBIO, &on));
	TIMED("accept", accept_one(listen_fd));
	on = 0;
	told("FIONBIO", ioctl(listen_fd, FIONBIO, &on));
	say("O_NONBLOCK %d", (fcntl(listen_fd, F_GETFL) & O_NONBLOCK) != 0);
}

static void set_timeout(int fd, int option, int ms)
{
	struct timeval timeout = { ms / 1000, ms % 1000 * 1000 };

	must(setsockopt(fd, SOL_SOCKET, option, &timeout, sizeof(timeout)), "timeout");
}

static void timed_accepts(int listen_fd)
{
	say("- SO_RCVTIMEO");
	set_timeout(listen_fd, SO_RCVTIMEO, 200);
	TIMED("accept", accept_one(listen_fd));
	TIMED("accept4", accept4_one(listen_fd));
	set_timeout(listen_fd, SO_RCVTIMEO, 600);
	handle(SIGALRM, SA_RESTART);
	alarm_in_ms(200);
	TIMED("accept, SA_RESTART", accept_one(listen_fd));
	set_timeout(listen_fd, SO_RCVTIMEO, 0);
}

static void polls(int listen_fd)
{
	struct pollfd wait = { .fd = listen_fd, .events = POLLIN };
	struct timespec time = { 0, 200000000 }, longer = { 0, 600000000 };
	sigset_t mask;

	say("- poll");
	TIMED("poll", poll(&wait, 1, 200));
	TIMED("poll nothing", poll(NULL, 0, 200));
	TIMED("ppoll", ppoll(&wait, 1, &time, NULL));
	say("time %ld %ld", (long)time.tv_sec, time.tv_nsec);
	handle(SIGALRM, SA_RESTART);
	alarm_in_ms(200);
	TIMED("poll, interrupted", poll(&wait, 1, 600));
	alarm_in_ms(200);
	TIMED("ppoll, interrupted", ppoll(&wait, 1, &longer, NULL));
	sigfillset(&mask);
	alarm_in_ms(200);
	if (!is_storm())
		TIMED("ppoll, all blocked", ppoll(&wait, 1, &longer, &mask));
	sigemptyset(&mask);
	sigaddset(&mask, SIGALRM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	alarm_in_ms(200);
	TIMED("poll, blocked", poll(&wait, 1, 400));
	sigemptyset(&mask);
	TIMED("ppoll, unblocks", ppoll(&wait, 1, &longer, &mask));
	sigaddset(&mask, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &mask, NULL);
}

static void selects(int listen_fd)
{
	struct timeval time = { 0, 200000 };
	struct timespec precise = { 0, 200000000 };
	fd_set reads, other;

	say("- select");
	handle(SIGALRM, SA_RESTART);
	FD_ZERO(&reads);
	FD_SET(listen_fd, &reads);
	other = reads;
	TIMED("select", select(listen_fd + 1, &reads, NULL, NULL, &time));
	say("left %ld %ld, set %d", (long)time.tv_sec, (long)time.tv_usec, FD_ISSET(listen_fd, &reads) != 0);
	time.tv_usec = 600000;
	alarm_in_ms(200);
	reads = other;
	TIMED("select, interrupted", select(listen_fd + 1, &reads, NULL, NULL, &time));
	say("left about %ld, set %d", (long)(time.tv_usec + 100000) / 200000,
	    FD_ISSET(listen_fd, &reads) != 0);
	reads = other;
	TIMED("pselect", pselect(listen_fd + 1, &reads, NULL, NULL, &precise, NULL));
	say("time %ld", precise.tv_nsec);
	precise.tv_nsec = 600000000;
	alarm_in_ms(200);
	reads = other;
	TIMED("pselect, interrupted", pselect(listen_fd + 1, &reads, NULL, NULL, &precise, NULL));
	say("time %ld", precise.tv_nsec);
}

static void epolls(int listen_fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct timespec time = { 0, 200000000 }, longer = { 0, 600000000 };
	int set = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1"), fd;
	sigset_t all;

	say("- epoll");
	sigfillset(&all);
	handle(SIGALRM, SA_RESTART);
	must(epoll_ctl(set, EPOLL_CTL_ADD, listen_fd, &event), "epoll_ctl");
	TIMED("epoll_wait", epoll_wait(set, &event, 1, 200));
	TIMED("epoll_pwait", epoll_pwait(set, &event, 1, 200, NULL));
	TIMED("epoll_pwait2", epoll_pwait2(set, &event, 1, &time, NULL));
	alarm_in_ms(200);
	TIMED("epoll_wait, interrupted", epoll_wait(set, &event, 1, 600));
	alarm_in_ms(200);
	TIMED("epoll_pwait, interrupted", epoll_pwait(set, &event, 1, 600, NULL));
	alarm_in_ms(200);
	TIMED("epoll_pwait2, interrupted", epoll_pwait2(set, &event, 1, &longer, NULL));
	alarm_in_ms(200);
	if (!is_storm())
		TIMED("epoll_pwait, all blocked", epoll_pwait(set, &event, 1, 400, &all));
	TIMED("poll the set", poll(&(struct pollfd){ .fd = set, .events = POLLIN }, 1, 200));
	fd = client(port_of(listen_fd));
	TIMED("epoll_wait, a client", epoll_wait(set, &event, 1, 600));
	close(accept(listen_fd, NULL, NULL));
	close(fd);
	close(set);
}

static void receives(int listen_fd)
{
	int client_fd = client(port_of(listen_fd));
	int fd = must(accept(listen_fd, NULL, NULL), "accept");
	struct msghdr message = { 0 };
	struct iovec vector;
	char byte;

	say("- receiving");
	vector = (struct iovec){ &byte, 1 };
	message.msg_iov = &vector;
	message.msg_iovlen = 1;
	set_timeout(fd, SO_RCVTIMEO, 200);
	TIMED("recv", recv(fd, &byte, 1, 0));
	TIMED("read", read(fd, &byte, 1));
	TIMED("recvmsg", recvmsg(fd, &message, 0));
	TIMED("recvfrom", recvfrom(fd, &byte, 1, 0, NULL, NULL));
	set_timeout(fd, SO_RCVTIMEO, 600);
	handle(SIGALRM, SA_RESTART);
	alarm_in_ms(200);
	TIMED("recv, interrupted", recv(fd, &byte, 1, 0));
	set_timeout(fd, SO_RCVTIMEO, 0);
	handle(SIGALRM, 0);
	alarm_in_ms(200);
	TIMED("read, interrupted", read(fd, &byte, 1));
	TIMED("recv, MSG_DONTWAIT", recv(fd, &byte, 1, MSG_DONTWAIT));
	close(client_fd);
	TIMED("recv, closed", recv(fd, &byte, 1, 0));
	close(fd);
}

static void sleeps(void)
{
	struct timespec time = { 0, 600000000 }, left = { 0 };
	struct timespec end;

	say("- sleeping");
	handle(SIGALRM, SA_RESTART);
	TIMED("usleep", usleep(200000));
	alarm_in_ms(200);
	TIMED("usleep, interrupted", usleep(600000));
	alarm_in_ms(200);
	TIMED("nanosleep, interrupted", nanosleep(&time, &left));
	say("left about %ld", (left.tv_nsec + 100000000) / 200000000);
	alarm_in_ms(200);
	left = (struct timespec){ 0 };
	TIMED("clock_nanosleep, interrupted", clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &left));
	say("left about %ld", (left.tv_nsec + 100000000) / 200000000);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += 1;
	alarm_in_ms(200);
	left = (struct timespec){ 5, 5 };
	TIMED("clock_nanosleep, absolute", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, &left));
	say("left %ld", (long)left.tv_sec);
	alarm_in_ms(200);
	errno = 0;
	start_ms = now_ms();
	say("sleep, interrupted: %u left", sleep(3));
	say("errno %s, %s", strerrorname_np(errno), since(start_ms));
	alarm_in_ms(200);
	TIMED("pause", pause());
}

static void semaphores(void)
{
	int set = must(semget(IPC_PRIVATE, 1, 0600), "semget");
	struct sembuf wait = { .sem_op = -1 };
	struct timespec time = { 0, 200000000 };

	say("- semaphores");
	handle(SIGALRM, SA_RESTART);
	alarm_in_ms(200);
	TIMED("semop, interrupted", semop(set, &wait, 1));
	if (!is_storm())
		TIMED("semtimedop", semtimedop(set, &wait, 1, &time));
	semctl(set, 0, IPC_RMID);
}

/*
 * In a storm of flip's signals, many more than a hand-over has, what these cannot keep is left out:
 * the kernel begins SO_RCVTIMEO anew at each (see drain_times_out), nobody replaces semtimedop(),
 * and a signal that only the mask of ppoll() and epoll_pwait() blocks gets in.
 */
static bool is_storm(void)
{
	return getenv("OBSERVE_ID") != NULL;
}

int main(void)
{
	int listen_fd = listener(8080);

	settle(listen_fd);
	alarm(0);
	blocking_accepts(listen_fd);
	nonblocking_accepts(listen_fd);
	if (!is_storm())
		timed_accepts(listen_fd);
	polls(listen_fd);
	selects(listen_fd);
	epolls(listen_fd);
	if (!is_storm())
		receives(listen_fd);
	sleeps();
	semaphores();
	say("the end");
	return 0;
}
