/* One request to a test server, as a client sees it: shared by load and ask. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { ANSWER_SIZE = 2048, ADDRESSES_MAX = 1024 };

/* What became of a request. The order is that of the tally. */
enum outcome {
	OUTCOME_OK, OUTCOME_REFUSED, OUTCOME_RESET, OUTCOME_EMPTY, OUTCOME_SHORT, OUTCOME_TIMEOUT,
	OUTCOME_OTHER, OUTCOME_COUNT,
};

/* outcome_name: "ok", "refused", ... */
const char *outcome_name(enum outcome outcome);

/* Where a server is, and whether it speaks in a stream or in datagrams. */
struct target {
	struct sockaddr_storage address;
	socklen_t length;
	int type;			/* SOCK_STREAM, SOCK_DGRAM */
};

/*
 * ADDR:PORT or [ADDR]:PORT, numbers only, with udp: before it for datagrams; unix:PATH or unix:@NAME.
 * False if it is none of these.
 */
bool target_parse(struct target *target, const char *text);

/*
 * Connect. From 'source' on (any number, best one that grows) the address 127.x.y.z to come from is
 * chosen, if the server is on IPv4 loopback, for the ports of one address would run out. Returns
 * the descriptor, or -1 with *outcome set. Every later call on it has the same deadline. A Unix
 * socket is one of packets where the server's is.
 */
int client_connect(const struct target *target, unsigned source, int timeout_ms,
		   enum outcome *outcome);

/* What the error of a call on a connection means. */
enum outcome outcome_of_errno(int error);

/* Send a line ("...\n") and read the line that comes back, kept without its newline. */
enum outcome client_ask(int fd, const char *line, char answer[static ANSWER_SIZE]);

/* The answer was all: see that the server closes in order. */
enum outcome client_expect_end(int fd);
