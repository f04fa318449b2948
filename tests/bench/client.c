/* See client.h. Blocking calls throughout: the errors are the ones that any client would see. */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

const char *outcome_name(enum outcome outcome)
{
	static const char *const names[OUTCOME_COUNT] = {
		"ok", "refused", "reset", "empty", "short", "timeout", "other",
	};

	return names[outcome];
}

static bool parse_v6(struct target *target, const char *text)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&target->address;
	char host[48];
	unsigned short port;

	if (sscanf(text, "[%47[^]]]:%hu", host, &port) != 2)
		return false;
	target->length = sizeof(*in6);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	return inet_pton(AF_INET6, host, &in6->sin6_addr) == 1;
}

static bool parse_v4(struct target *target, const char *text)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&target->address;
	char host[48];
	unsigned short port;

	if (sscanf(text, "%47[^:]:%hu", host, &port) != 2)
		return false;
	target->length = sizeof(*in);
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	return inet_pton(AF_INET, host, &in->sin_addr) == 1;
}

/* An abstract name ends where the address does, a path with its NUL (unix(7)). */
static bool parse_unix(struct target *target, const char *path)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&target->address;
	size_t length = strlen(path);

	if (*path == '\0' || strlen(path) >= sizeof(un->sun_path))
		return false;
	target->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (*path != '@'));
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	if (*path == '@')
		un->sun_path[0] = '\0';
	return true;
}

bool target_parse(struct target *target, const char *text)
{
	memset(target, 0, sizeof(*target));
	target->type = SOCK_STREAM;
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(target, text + 5);
	if (strncmp(text, "udp:", 4) == 0) {
		target->type = SOCK_DGRAM;
		text += 4;
	}
	return *text == '[' ? parse_v6(target, text) : parse_v4(target, text);
}

enum outcome outcome_of_errno(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ENOENT:			/* the path of a Unix socket */
		return OUTCOME_REFUSED;
	case ECONNRESET:
	case EPIPE:
		return OUTCOME_RESET;
	case EAGAIN:
	case EINPROGRESS:
	case ETIMEDOUT:
		return OUTCOME_TIMEOUT;
	default:
		return OUTCOME_OTHER;
	}
}

/* 127.64.0.1 and on: 4,094 addresses of 28,000 ports each. */
static int source_bind(int fd, unsigned source)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0x7f400001u + source % 4094),
	};

	/* Without this bind() would take a port at once, which nobody else may have then. */
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int)) == -1)
		return -1;
	return bind(fd, (struct sockaddr *)&address, sizeof(address));
}

static bool is_v4_loopback(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;

	return address->ss_family == AF_INET && ntohl(in->sin_addr.s_addr) >> 24 == 127;
}

/* The kernel uses SO_SNDTIMEO for connect(), too. */
static int socket_prepare(int fd, const struct sockaddr_storage *address, unsigned source,
			  int timeout_ms)
{
	struct timeval timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == -1)
		return -1;
	return is_v4_loopback(address) ? source_bind(fd, source) : 0;
}

/* The descriptor, or -1 and errno. */
static int connect_as(int type, const struct target *target, unsigned source, int timeout_ms)
{
	int fd = socket(target->address.ss_family, type | SOCK_CLOEXEC, 0), saved_errno;

	if (fd == -1)
		return -1;
	if (socket_prepare(fd, &target->address, source, timeout_ms) == 0 &&
	    connect(fd, (const struct sockaddr *)&target->address, target->length) == 0)
		return fd;
	saved_errno = errno;
	close(fd);
	errno = saved_errno;
	return -1;
}

int client_connect(const struct target *target, unsigned source, int timeout_ms,
		   enum outcome *outcome)
{
	int fd = connect_as(target->type, target, source, timeout_ms);

	if (fd == -1 && errno == EPROTOTYPE)
		fd = connect_as(SOCK_SEQPACKET, target, source, timeout_ms);
	*outcome = fd == -1 ? outcome_of_errno(errno) : OUTCOME_OK;
	return fd;
}

enum outcome client_ask(int fd, const char *line, char answer[static ANSWER_SIZE])
{
	size_t length = 0;
	ssize_t part;
	char *end;

	if (send(fd, line, strlen(line), MSG_NOSIGNAL) == -1)
		return outcome_of_errno(errno);
	do {
		part = recv(fd, answer + length, ANSWER_SIZE - 1 - length, 0);
		if (part == -1)
			return outcome_of_errno(errno);
		if (part == 0)
			return length == 0 ? OUTCOME_EMPTY : OUTCOME_SHORT;
		length += (size_t)part;
		end = memchr(answer, '\n', length);
	} while (end == NULL && length < ANSWER_SIZE - 1);
	answer[length] = '\0';
	if (end == NULL)
		return OUTCOME_OTHER;
	*end = '\0';
	return OUTCOME_OK;
}

enum outcome client_expect_end(int fd)
{
	char byte;
	ssize_t length = recv(fd, &byte, 1, 0);

	if (length == -1)
		return outcome_of_errno(errno);
	return length == 0 ? OUTCOME_OK : OUTCOME_OTHER;
}
