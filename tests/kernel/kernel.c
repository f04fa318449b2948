#include "kernel.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

static atomic_int handler_count_;

void require_at(bool holds, const char *file, int line, const char *condition,
		const char *sentence)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: does not hold here: %s (%s; errno: %m)\n", file, line, sentence,
		condition);
	_exit(1);
}

int listener_new(struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	require(fd != -1 && bind(fd, (struct sockaddr *)address, sizeof(*address)) == 0,
		"a socket can be bound to loopback");
	require(listen(fd, 64) == 0, "a bound socket can listen");
	getsockname(fd, (struct sockaddr *)address, &(socklen_t){ sizeof(*address) });
	return fd;
}

int silent_listener_new(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t autobind = offsetof(struct sockaddr_un, sun_path);

	require(fd != -1 && bind(fd, (struct sockaddr *)&address, autobind) == 0 &&
		listen(fd, 1) == 0, "a Unix socket can listen under a name that the kernel chose");
	return fd;
}

int client_new(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	require(connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0,
		"a client can connect");
	return fd;
}

int connect_error(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int result = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	int error = errno;

	close(fd);
	return result == 0 ? 0 : error;
}

bool is_readable(int fd, int timeout_ms)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	return poll(&wanted, 1, timeout_ms) == 1 && (wanted.revents & POLLIN);
}

char accepted_byte(int listen_fd)
{
	int fd = accept(listen_fd, NULL, NULL);
	char byte = 0;

	require(fd != -1, "the listener gives a connection");
	require(is_readable(fd, 2000) && read(fd, &byte, 1) == 1, "what the client wrote arrives");
	close(fd);
	return byte;
}

void byte_send(int fd, char byte)
{
	require(write(fd, &byte, 1) == 1, "a client can write");
}

static void on_signal(int signal_number)
{
	(void)signal_number;
	atomic_fetch_add(&handler_count_, 1);
}

void handler_count(int signal_number, int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	require(sigaction(signal_number, &action, NULL) == 0, "a handler can be installed");
}

int handler_calls(void)
{
	return atomic_load(&handler_count_);
}

static void *caller_run(void *argument)
{
	struct caller *caller = argument;
	long result;

	__atomic_store_n(&caller->tid, gettid(), __ATOMIC_RELEASE);
	result = caller->call(caller->fd);
	caller->error = errno;
	caller->result = result;
	__atomic_store_n(&caller->is_done, true, __ATOMIC_RELEASE);
	return NULL;
}

void caller_start(struct caller *caller, long (*call)(int fd), int fd, long number)
{
	*caller = (struct caller){ .call = call, .fd = fd };
	require(pthread_create(&caller->thread, NULL, caller_run, caller) == 0,
		"a thread can be started");
	for (int i = 0; i < 5000; i++) {
		pid_t tid = __atomic_load_n(&caller->tid, __ATOMIC_ACQUIRE);

		if (tid != 0 && thread_blocks_in(tid, number))
			return;
		sleep_ms(1);
	}
	require(false, "a thread in a system call is seen in it");
}

bool caller_returns(struct caller *caller, int timeout_ms)
{
	for (int i = 0; i <= timeout_ms; i++) {
		if (__atomic_load_n(&caller->is_done, __ATOMIC_ACQUIRE))
			return true;
		sleep_ms(1);
	}
	return false;
}

long thread_syscall(pid_t tid, unsigned long *first_argument)
{
	char path[64];
	long number = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	file = fopen(path, "re");
	require(file != NULL, "/proc tells what a thread is doing");
	*first_argument = 0;
	if (fscanf(file, "%ld 0x%lx", &number, first_argument) < 1)
		number = -1;	/* "running" */
	fclose(file);
	return number;
}

bool thread_blocks_in(pid_t tid, long number)
{
	unsigned long argument;

	return thread_syscall(tid, &argument) == number;
}

void thread_signal(pid_t tid, int signal_number)
{
	require(syscall(SYS_tgkill, getpid(), tid, signal_number) == 0,
		"a thread can be signalled");
}

long call_accept(int fd)
{
	return accept(fd, NULL, NULL);
}

void sleep_ms(int ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&left, &left) == -1 && errno == EINTR)
		continue;
}

int child_wait(pid_t pid)
{
	int status;

	require(waitpid(pid, &status, 0) == pid, "a child can be waited for");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
