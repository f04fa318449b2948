#!/bin/bash
# Restarts come while a server writes some megabytes to a slow client by one blocking call, or waits by
# MSG_WAITALL for as many: each call transfers all that it was given, and says so.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.c" <<'END'
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BYTES = 4 << 20 };
static uint32_t pattern[BYTES / 4];
static char tag[16];
static int file;

/* A position is of all who have the file open: each transfer has one of its own. */
static ssize_t send_by_position(int fd)
{
	int own = memfd_create("own", 0);
	ssize_t done;

	if (write(own, pattern, BYTES) != BYTES || lseek(own, 0, SEEK_SET) != 0)
		return -1;
	done = sendfile(fd, own, NULL, BYTES);
	if (lseek(own, 0, SEEK_CUR) != done)
		done = -2;
	close(own);
	return done;
}

static ssize_t transfer(int fd, const char *way)
{
	char *from = (char *)pattern;
	off_t offset = 0;

	if (strcmp(way, "write") == 0)
		return write(fd, pattern, BYTES);
	if (strcmp(way, "writev") == 0) {
		struct iovec parts[] = { { from, 1 }, { from + 1, 0 }, { from + 1, 3000000 },
					 { from + 3000001, BYTES - 3000001 } };
		return writev(fd, parts, 4);
	}
	if (strcmp(way, "send") == 0)
		return send(fd, pattern, BYTES, MSG_NOSIGNAL);
	if (strcmp(way, "sendto") == 0)
		return sendto(fd, pattern, BYTES, MSG_NOSIGNAL, NULL, 0);
	if (strcmp(way, "sendmsg") == 0) {
		struct iovec parts[] = { { from, 1000001 }, { from + 1000001, BYTES - 1000001 } };
		struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
		return sendmsg(fd, &message, MSG_NOSIGNAL);
	}
	if (strcmp(way, "sendfile") == 0) {
		ssize_t done = sendfile(fd, file, &offset, BYTES);
		return offset == done ? done : -2;
	}
	return send_by_position(fd);
}

static ssize_t receive(int fd, const char *way)
{
	char *buffer = malloc(BYTES);
	ssize_t done = strcmp(way, "recv") == 0 ? recv(fd, buffer, BYTES, MSG_WAITALL) :
						  recvfrom(fd, buffer, BYTES, MSG_WAITALL, NULL, NULL);

	if (done > 0 && memcmp(buffer, pattern, (size_t)done) != 0)
		done = -2;
	dprintf(fd, "%zd\n", done);
	free(buffer);
	return done;
}

static void *serve(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char line[100];
	size_t n = 0;
	ssize_t done;

	while (n < sizeof(line) - 1 && read(fd, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	if (strcmp(line, "hello") == 0) {
		dprintf(fd, "%s %d %s\n", tag, (int)getpid(), line);
	} else if (n > 0) {
		done = strncmp(line, "recv", 4) == 0 ? receive(fd, line) : transfer(fd, line);
		if (done != BYTES)
			fprintf(stderr, "short: %s in %s: %zd of %d\n", line, tag, done, BYTES);
	}
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])) };
	int is_threaded = strcmp(argv[3], "threads") == 0, on = 1, small = 262144;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	FILE *tag_file = fopen(argv[2], "r");

	if (argc != 4 || !tag_file || fscanf(tag_file, "%15s", tag) != 1)
		return 2;
	for (uint32_t i = 0; i < BYTES / 4; i++)
		pattern[i] = i;
	file = memfd_create("file", 0);
	if (write(file, pattern, BYTES) != BYTES)
		return 2;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 100))
		return 2;
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		pthread_t thread;

		if (fd < 0)
			return 3;
		if (!is_threaded)
			serve((void *)(intptr_t)fd);
		else if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
			pthread_detach(thread);
	}
}
END
cc -O1 -pthread -o "$TMP/server" "$TMP/server.c" || fail "no compiler"

# client.py PORT DIRECTORY slowly WAY: transfers a part, touches begun.WAY, and goes on when the file 'go' is there.
# No buffer holds the rest: the server is in the call meanwhile.
# client.py PORT DIRECTORY quickly WAY...: one after the other, until the file 'go' is there.
cat >"$TMP/client.py" <<'END'
import array, fcntl, os, socket, struct, sys, termios, time
port, directory, pace, ways = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
data = array.array("I", range(1 << 20)).tobytes()
part = len(data) // 2

def goes_on():
    return os.path.exists(f"{directory}/go")

def have_begun(way):
    open(f"{directory}/begun.{way}", "w").close()
    while pace == "slowly" and not goes_on():
        time.sleep(0.01)

def unsent(client):
    return struct.unpack("i", fcntl.ioctl(client, termios.TIOCOUTQ, b"    "))[0]

def send(client, way):
    client.sendall(data[:part])
    while pace == "slowly" and unsent(client) > 0:
        time.sleep(0.01)
    have_begun(way)
    try:
        client.sendall(data[part:])
    except OSError:
        pass # it has answered
    answer = client.recv(100)
    if answer != b"%d\n" % len(data):
        sys.exit(f"cut, {way}: the server received {answer!r} of {len(data)}")

def receive(client, way):
    got = bytearray(client.recv(1000))
    have_begun(way)
    while some := client.recv(1 << 20):
        got += some
    if got != data:
        sys.exit(f"cut, {way}: the client got {len(got)} of {len(data)}")

def transfer(way):
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 262144)
        client.connect(("127.0.0.1", port))
        client.sendall(way.encode() + b"\n")
        (send if way.startswith("recv") else receive)(client, way)

for way in ways:
    transfer(way)
while pace == "quickly" and not goes_on():
    for way in ways:
        transfer(way)
print("whole")
END

WAYS='write writev send sendto sendmsg sendfile sendfile-position recv recvfrom'

# begin PACE WAY...: a client.
begin() {
	rm -f "$TMP"/begun.* "$TMP/go"
	/usr/bin/python3 "$TMP/client.py" "$PORT" "$TMP" "$@" >"$TMP/result.$2" 2>&1 &
	clients+=("$!:$2")
	wait_for 10 test -e "$TMP/begun.$2"
}

# goes_on WHAT: what the clients saw.
goes_on() {
	local client
	touch "$TMP/go"
	for client in "${clients[@]}"; do
		wait_for 10 not is_running "${client%:*}"
		expect_eq whole "$(cat "$TMP/result.${client#*:}")" "$1"
	done
	clients=()
	log_has '^short:' && fail "$1: $(grep '^short:' "$TMP/flip.log" | head -n 1)"
	return 0
}

# One client at a time: it blocks the only thread.
whole_in_one_thread() {
	local way version=1
	tag_set v1
	serve "$TMP/server" "$PORT" "$TMP/tag" one
	for way in $WAYS; do
		begin slowly "$way"
		version=$((version + 1))
		tag_set "v$version"
		restart "$SUPERVISOR_PID"
		goes_on "one thread"
		wait_for 10 log_has "generation $((version - 1)) .* is gone"
		expect_eq "v$version" "$(tag_now)" "who answers"
	done
}

# Threads that are at work, and not blocked, are those that a restart looks after.
whole_in_threads() {
	tag_set v1
	serve "$TMP/server" "$PORT" "$TMP/tag" threads
	begin quickly $WAYS
	begin quickly recv write sendfile
	restart_to v2 v3 v4 v5 v6 v7
	goes_on "threads"
}

clients=()
in_both_faces whole_in_one_thread
in_both_faces whole_in_threads
pass
