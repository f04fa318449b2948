/*
 * A library such as an allocator: its constructor comes before flip's, and it makes system calls
 * from there and from malloc().
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int allocator_calls(void);
void *malloc(size_t size);
void *__libc_malloc(size_t size);

static int n_calls, n_good;

static void expect(int good)
{
	n_calls++;
	n_good += good;
}

static void call_everything(void)
{
	struct timespec none = { 0, 1000 };
	struct timeval short_time = { 0, 1000 };
	struct epoll_event event;
	sigset_t set;
	char byte;
	int ends[2], set_fd = epoll_create1(0);

	expect(pipe(ends) == 0);
	expect(write(ends[1], "x", 1) == 1);
	expect(poll(&(struct pollfd){ .fd = ends[0], .events = POLLIN }, 1, 0) == 1);
	expect(read(ends[0], &byte, 1) == 1);
	expect(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
	expect(read(ends[0], &byte, 1) == -1 && errno == EAGAIN);
	expect(nanosleep(&none, NULL) == 0);
	expect(usleep(1) == 0);
	expect(clock_nanosleep(CLOCK_MONOTONIC, 0, &none, NULL) == 0);
	expect(epoll_wait(set_fd, &event, 1, 0) == 0);
	expect(select(0, NULL, NULL, NULL, &short_time) == 0);
	sigemptyset(&set);
	expect(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	expect(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
	expect(sigaction(SIGUSR1, NULL, &(struct sigaction){ 0 }) == 0);
	expect(dup2(ends[0], 50) == 50);
	expect(close(50) == 0 && close(50) == -1 && errno == EBADF);
	expect(accept(ends[0], NULL, NULL) == -1 && errno == ENOTSOCK);
	int listen_fd = socket(AF_INET, SOCK_STREAM, 0);
	expect(listen(listen_fd, 1) == 0);
	expect(accept4(listen_fd, NULL, NULL, 0x1234) == -1 && errno == EINVAL);
	expect(shutdown(listen_fd, SHUT_RDWR) == 0);
	close(listen_fd);
	close(ends[0]);
	close(ends[1]);
	close(set_fd);
}

__attribute__((constructor)) static void start(void)
{
	call_everything();
}

/* How many calls went as they should; minus those that did not. */
int allocator_calls(void)
{
	return n_good == n_calls ? n_calls : n_good - n_calls;
}

/* jemalloc's way: reads a file of /proc at the first call, wherever that comes. */
void *malloc(size_t size)
{
	static int inside;
	char text[16];
	int saved = errno;

	if (!inside) {
		inside = 1;
		int fd = open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC);
		expect(read(fd, text, sizeof(text)) > 0);
		expect(close(fd) == 0);
		poll(NULL, 0, 0);
		inside = 0;
	}
	errno = saved;
	return __libc_malloc(size);
}
