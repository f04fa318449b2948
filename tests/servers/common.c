/* The listeners of the test servers, their signals, and how they answer. See common.h. */
#include "common.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct server *caught;		/* whose listeners the handler of SIGTERM closes */
static atomic_bool is_stopping;
static atomic_int hup_count;
static atomic_int open_count;		/* connections accepted and not yet closed */

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Sleeps its time out whatever signals come. */
void sleep_ms(int ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&left, &left) == -1 && errno == EINTR)
		continue;
}

void sleep_while_exists(const char *file)
{
	while (file != NULL && access(file, F_OK) == 0)
		sleep_ms(10);
}

/* One write a line: lines of several processes share a file. */
void log_line(const char *format, ...)
{
	char line[2 * LINE_SIZE];
	time_t now = time(NULL);
	struct tm local;
	size_t length;
	va_list arguments;

	length = (size_t)snprintf(line, sizeof(line), "[%d] ", getpid());
	length += strftime(line + length, 64, "%Y/%m/%d %H:%M:%S ", localtime_r(&now, &local));
	va_start(arguments, format);
	length += (size_t)vsnprintf(line + length, sizeof(line) - length - 1, format, arguments);
	va_end(arguments);
	if (length > sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	(void)!write(STDOUT_FILENO, line, length);
}

void address_format(const struct sockaddr_storage *address, char text[static ADDRESS_TEXT_SIZE])
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	char host[INET6_ADDRSTRLEN] = "?";

	if (address->ss_family == AF_UNIX) {
		const char *name = ((const struct sockaddr_un *)address)->sun_path;

		snprintf(text, ADDRESS_TEXT_SIZE, "unix:%s%.107s", *name ? "" : "@", *name ? name : name + 1);
	} else if (address->ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(text, ADDRESS_TEXT_SIZE, "[%s]:%d", host, ntohs(in6->sin6_port));
	} else {
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(text, ADDRESS_TEXT_SIZE, "%s:%d", host, ntohs(in->sin_port));
	}
}

static void option_set(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) == -1)
		err(1, "setsockopt(%d, %d, %d)", level, name, value);
}

/* SO_RCVTIMEO after listen(), where a server that copies its listener's set-up has it, too. */
static void listener_set_timeout(int fd, int timeout_ms)
{
	struct timeval timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

	if (timeout_ms > 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == -1)
		err(1, "setsockopt(SO_RCVTIMEO)");
}

/* An abstract name ends with its address, and a path by its NUL (unix(7)). */
static socklen_t address_length(const struct sockaddr_storage *address)
{
	const char *name = ((const struct sockaddr_un *)address)->sun_path;

	if (address->ss_family != AF_UNIX)
		return sizeof(*address);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name + (*name == '\0')));
}

/* NULL: it has none. */
static const char *address_path(const struct sockaddr_storage *address)
{
	const char *path = ((const struct sockaddr_un *)address)->sun_path;

	return address->ss_family == AF_UNIX && *path != '\0' ? path : NULL;
}

/* As php-fpm does: somebody who answers has the place, and a path where nobody does is stale. */
static void path_probe(const struct sockaddr_storage *address, int type)
{
	int fd = socket(AF_UNIX, type, 0);

	if (connect(fd, (const struct sockaddr *)address, address_length(address)) == 0)
		errx(78, "another instance seems to listen on %s already", address_path(address));
	if (errno != ECONNREFUSED && errno != ENOENT)
		err(1, "cannot probe %s", address_path(address));
	close(fd);
}

static int path_bind(const struct server *server, int fd, const struct sockaddr_storage *address)
{
	const struct options *options = &server->options;
	const char *path = address_path(address);
	struct sockaddr_un other = { .sun_family = AF_UNIX };

	if (options->probe_first)
		path_probe(address, options->seqpacket ? SOCK_SEQPACKET : SOCK_STREAM);
	if (options->unlink_first && unlink(path) == -1 && errno != ENOENT)
		err(1, "unlink(%s)", path);
	if (options->rename_into_place) {
		snprintf(other.sun_path, sizeof(other.sun_path), "%.80s.%d.tmp", path, getpid());
		return bind(fd, (const struct sockaddr *)&other, sizeof(other));
	}
	return bind(fd, (const struct sockaddr *)address, address_length(address));
}

/* The former one has another name meanwhile, for a way back. */
static void path_replace(const char *path, const char *other)
{
	char backup[108];

	snprintf(backup, sizeof(backup), "%.80s.%d.bak", path, getpid());
	if (link(path, backup) == -1 && errno != ENOENT)
		err(1, "link(%s, %s)", path, backup);
	if (rename(other, path) == -1)
		err(1, "rename(%s, %s)", other, path);
	if (unlink(backup) == -1 && errno != ENOENT)
		err(1, "unlink(%s)", backup);
}

/* After listen(), as haproxy does: clients find either the former one or this one. */
static void path_finish(const struct server *server, const struct sockaddr_storage *address)
{
	const struct options *options = &server->options;
	const char *path = address_path(address);
	char other[108];

	if (path == NULL)
		return;
	snprintf(other, sizeof(other), options->rename_into_place ? "%.80s.%d.tmp" : "%.107s", path,
		 getpid());
	if (options->mode != -1 && chmod(other, (mode_t)options->mode) == -1)
		err(1, "chmod(%s)", other);
	if (options->rename_into_place)
		path_replace(path, other);
}

static int listener_bind(const struct server *server, const struct sockaddr_storage *address)
{
	const struct options *options = &server->options;
	char text[ADDRESS_TEXT_SIZE];
	int type = options->seqpacket ? SOCK_SEQPACKET : SOCK_STREAM;
	int fd = socket(address->ss_family,
			type | SOCK_CLOEXEC | (server->nonblocking ? SOCK_NONBLOCK : 0), 0);

	if (fd == -1)
		err(1, "socket");
	if (options->reuseaddr)
		option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (options->reuseport)
		option_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (options->v6only != -1 && address->ss_family == AF_INET6)
		option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, options->v6only);
	if ((address_path(address) ? path_bind(server, fd, address) :
				     bind(fd, (const struct sockaddr *)address,
					  address_length(address))) == -1) {
		address_format(address, text);
		err(1, "cannot bind %s", text);
	}
	return fd;
}

static void listener_log(int fd)
{
	struct sockaddr_storage address = { 0 };
	char text[ADDRESS_TEXT_SIZE];

	if (getsockname(fd, (struct sockaddr *)&address, &(socklen_t){ sizeof(address) }) == -1)
		err(1, "getsockname");
	address_format(&address, text);
	log_line("listening on %s", text);
}

/* A thousand listeners do not fit into the usual soft limit. */
static void descriptors_allow(int count)
{
	struct rlimit limit;

	if (count < 512 || getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* haproxy asks, for it may have inherited the socket, and then does not call listen(). */
static bool is_listening(int fd)
{
	int value = 0;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &(socklen_t){ sizeof(value) }) == 0 &&
	       value != 0;
}

void server_listen(struct server *server)
{
	const struct options *options = &server->options;

	if (options->listen_fd >= 0) {
		server->listen_fds[0] = options->listen_fd;
		server->listen_count = 1;
		return;
	}
	descriptors_allow(options->address_count);
	for (int i = 0; i < options->address_count; i++)
		server->listen_fds[i] = listener_bind(server, &options->addresses[i]);
	server->listen_count = options->address_count;
	server_mishap(server, STAGE_BIND);
	for (int i = 0; i < server->listen_count; i++) {
		if (options->listen_once && is_listening(server->listen_fds[i]))
			continue;
		if (listen(server->listen_fds[i], options->backlog) == -1)
			err(1, "listen");
		path_finish(server, &options->addresses[i]);
		listener_set_timeout(server->listen_fds[i], options->rcvtimeo_ms);
		if (options->log)
			listener_log(server->listen_fds[i]);
	}
	server_mishap(server, STAGE_LISTEN);
}

void server_mishap(const struct server *server, enum stage stage)
{
	const struct options *options = &server->options;

	if (options->mishap == MISHAP_NONE || options->mishap_stage != stage)
		return;
	fprintf(stderr, "server: told to fail here\n");
	if (options->mishap == MISHAP_EXIT)
		exit(options->exit_code);
	if (options->mishap == MISHAP_CRASH)
		raise(SIGSEGV);
	for (;;)
		pause();
}

/* As gunicorn does: the listener itself is asked where it is. */
static void path_unlink(int listen_fd, const struct sockaddr_storage *wanted)
{
	struct sockaddr_un address = { 0 };
	socklen_t length = sizeof(address);

	if (address_path(wanted) == NULL)
		return;
	if (getsockname(listen_fd, (struct sockaddr *)&address, &length) == -1 ||
	    address.sun_family != AF_UNIX || unlink(address.sun_path) == -1)
		_exit(5);
}

static void bind_anew(int i)
{
	struct sockaddr_storage bound;
	socklen_t length = sizeof(bound);

	caught->listen_fds[i] = listener_bind(caught, &caught->options.addresses[i]);
	if (listen(caught->listen_fds[i], caught->options.backlog) == -1 ||
	    getsockname(caught->listen_fds[i], (struct sockaddr *)&bound, &length) == -1 ||
	    bound.ss_family != caught->options.addresses[i].ss_family)
		_exit(6);
	dprintf(STDERR_FILENO, "server: listens again\n");
}

void server_stop(void)
{
	/* Closed here and not in the main loop: whoever is about to accept must find it closed. */
	atomic_store(&is_stopping, true);
	for (int i = 0; i < caught->listen_count; i++) {
		if (caught->options.unlink_at_exit)
			path_unlink(caught->listen_fds[i], &caught->options.addresses[i]);
		if (caught->options.term == TERM_SHUTDOWN)
			shutdown(caught->listen_fds[i], SHUT_RDWR);
		close(caught->listen_fds[i]);
		if (caught->options.bind_at_exit)
			bind_anew(i);
	}
}

static void on_term(int signal_number)
{
	int saved_errno = errno;

	(void)signal_number;
	server_stop();
	errno = saved_errno;
}

static void on_hup(int signal_number)
{
	(void)signal_number;
	atomic_fetch_add(&hup_count, 1);
}

static void handler_set(int signal_number, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	if (sigaction(signal_number, &action, NULL) == -1)
		err(1, "sigaction");
}

void server_catch_signals(struct server *server)
{
	caught = server;
	if (server->options.term == TERM_IGNORE)
		handler_set(SIGTERM, SIG_IGN, 0);
	else if (server->options.term != TERM_DEFAULT)
		handler_set(SIGTERM, on_term, 0);
	if (server->options.handle_hup)
		handler_set(SIGHUP, on_hup, SA_RESTART);
}

bool server_is_stopping(void)
{
	return atomic_load_explicit(&is_stopping, memory_order_relaxed);
}

void server_finish(const struct server *server)
{
	while (atomic_load(&open_count) > 0)
		sleep_ms(1);
	if (server->options.pid_file != NULL)
		pid_file_remove(&server->options);
	exit(0);
}

/* One thread at a time: another one would let the listener block just before accept(). */
static int accept_toggling(int listen_fd, int flags)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	int file_flags, fd, saved_errno;

	pthread_mutex_lock(&mutex);
	file_flags = fcntl(listen_fd, F_GETFL);
	fcntl(listen_fd, F_SETFL, file_flags | O_NONBLOCK);
	fd = accept4(listen_fd, NULL, NULL, flags);
	saved_errno = errno;
	fcntl(listen_fd, F_SETFL, file_flags & ~O_NONBLOCK);
	pthread_mutex_unlock(&mutex);
	errno = saved_errno;
	return fd;
}

/* accept() when there are no flags to give: it is a symbol of its own, and must work as well. */
static int accept_plain(int listen_fd, int flags)
{
	return flags ? accept4(listen_fd, NULL, NULL, flags) : accept(listen_fd, NULL, NULL);
}

int server_accept(const struct server *server, int listen_fd, int flags)
{
	int fd;

	fd = server->options.toggle ? accept_toggling(listen_fd, flags)
				    : accept_plain(listen_fd, flags);
	if (fd >= 0) {
		atomic_fetch_add(&open_count, 1);
		return fd;
	}
	if (errno == EINTR)
		server_wait_failed(server, "accept");
	else if (errno == EMFILE)
		sleep_ms(10);	/* until a client has gone */
	else if (errno != EAGAIN && errno != ECONNABORTED && !server_is_stopping())
		err(3, "accept(%d)", listen_fd);
	return -1;
}

int server_accept_raw(const struct server *server, int listen_fd)
{
	int fd = (int)syscall(SYS_accept4, listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		atomic_fetch_add(&open_count, 1);
	else if (errno == EINTR)
		server_wait_failed(server, "accept4");
	return fd;
}

void server_close(int fd)
{
	close(fd);
	atomic_fetch_sub(&open_count, 1);
}

/* A program that installed no handler is not used to see EINTR: --strict takes it for an error. */
void server_wait_failed(const struct server *server, const char *call)
{
	if (server_is_stopping())
		return;
	if (errno != EINTR || server->options.strict)
		err(3, "%s", call);
}

bool line_is_whole(const struct line *line)
{
	return memchr(line->text, '\n', line->length) != NULL;
}

int line_read(struct line *line, int fd, int flags)
{
	while (!line_is_whole(line)) {
		size_t room = sizeof(line->text) - line->length;
		ssize_t length = recv(fd, line->text + line->length, room, flags);

		if (length == -1 && errno == EINTR)
			continue;
		if (length == -1 && errno == EAGAIN)
			return 0;
		if (length <= 0)
			return -1;
		line->length += (size_t)length;
	}
	return 1;
}

static void message_log(int fd, int length, const char *text)
{
	struct sockaddr_storage address = { 0 };
	char from[ADDRESS_TEXT_SIZE];

	getpeername(fd, (struct sockaddr *)&address, &(socklen_t){ sizeof(address) });
	address_format(&address, from);
	log_line("receive message from [%s]:[%.*s]", from, length, text);
}

static void listener_ask(int listen_fd)
{
	static const int names[] = { SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN };
	int wanted[] = { SOCK_STREAM, AF_INET, IPPROTO_TCP, 1 };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		int value = -1;

		if (getsockopt(listen_fd, SOL_SOCKET, names[i], &value, &(socklen_t){ sizeof(value) }) == -1)
			err(3, "getsockopt");
		if (value != wanted[i])
			errx(3, "option %d of the listener is %d, and not %d", names[i], value, wanted[i]);
	}
}

bool line_answer(const struct server *server, struct line *line, int fd)
{
	const struct options *options = &server->options;
	char answer[2 * LINE_SIZE], hup[60] = "";
	size_t length = (size_t)((char *)memchr(line->text, '\n', line->length) - line->text);
	int size;

	for (int i = 0; options->asks && i < server->listen_count; i++)
		listener_ask(server->listen_fds[i]);
	if (options->log)
		message_log(fd, (int)length, line->text);
	if (options->handle_hup)
		snprintf(hup, sizeof(hup), " hup=%d", atomic_load(&hup_count));
	if (options->signals != SIGNALS_NONE) {
		int last, seen = signals_seen(&last);

		snprintf(hup, sizeof(hup), " signals=%d last=%d", seen, last);
	}
	size = snprintf(answer, sizeof(answer), "%.256s %d %.*s%s\n", options->tag, getpid(),
			(int)length, line->text, hup);
	line->length -= length + 1;
	memmove(line->text, line->text + length + 1, line->length);
	return send(fd, answer, (size_t)size, MSG_NOSIGNAL) == size;
}
