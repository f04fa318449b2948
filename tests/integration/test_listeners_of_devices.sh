#!/bin/bash
# SO_BINDTODEVICE: of two listeners at one address each stays with its device, in whatever order the new version binds
# them; and one of a link-local address, whose scope the device says, is handed over.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.c" <<'END2'
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listener(int family, const char *device)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(getenv("TEST_PORT"))) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = four.sin_port };
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&four : (struct sockaddr *)&six;

	inet_pton(AF_INET6, "fe80::77", &six.sin6_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device) + 1) != 0 ||
	    bind(fd, address, family == AF_INET ? sizeof(four) : sizeof(six)) != 0 || listen(fd, 64) != 0)
		err(1, "%s", device);
	return fd;
}

int main(int argc, char **argv)
{
	struct pollfd waits[3];
	const char *names[3] = { "lo", "dm0", "six" };
	int first = access(argv[argc - 1], F_OK) == 0;
	char text[64];

	/* The second version takes its time, and the other order. */
	waits[first] = (struct pollfd){ listener(AF_INET, names[first]), POLLIN, 0 };
	if (first)
		sleep(1);
	waits[!first] = (struct pollfd){ listener(AF_INET, names[!first]), POLLIN, 0 };
	waits[2] = (struct pollfd){ listener(AF_INET6, "dm0"), POLLIN, 0 };
	for (;;) {
		poll(waits, 3, -1);
		for (int i = 0; i < 3; i++) {
			int client = accept(waits[i].fd, NULL, NULL);

			if (client < 0)
				continue;
			(void)!write(client, text, (size_t)snprintf(text, sizeof(text), "%s %d\n", names[i], (int)getpid()));
			close(client);
		}
	}
}
END2
cc -o "$TMP/server" "$TMP/server.c" || fail "cannot compile"

# Clients of dm0 are in another network.
ip link add dm0 type veth peer name dm1 2>/dev/null || fail "cannot make a pair of network devices"
unshare -n sleep 100 &
other=$!
in_other() {
	nsenter -t "$other" -n "$@"
}
wait_for 5 not test /proc/self/ns/net -ef "/proc/$other/ns/net"
ip link set dm1 netns "$other"
ip addr add 10.9.0.1/24 dev dm0
ip addr add fe80::77/64 dev dm0 nodad
ip link set dm0 up
in_other ip addr add 10.9.0.2/24 dev dm1
in_other ip addr add fe80::78/64 dev dm1 nodad
in_other ip link set dm1 up

ask_lo() {
	timeout 5 bash -c "cat </dev/tcp/127.0.0.1/$PORT"
}
ask_dm0() {
	in_other timeout 5 bash -c "cat </dev/tcp/10.9.0.1/$PORT"
}
ask_six() {
	in_other timeout 5 bash -c "cat </dev/tcp/fe80::77%dm1/$PORT"
}

devices_stay() {
	local asked=0 before
	rm -f "$TMP/new"
	serve "$TMP/server" "$TMP/new"
	wait_for 5 ask_six >"$TMP/first"
	before=$(cut -d ' ' -f 2 "$TMP/first")
	touch "$TMP/new"
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 &
	restart_job=$!
	while is_running "$restart_job"; do
		expect_match '^lo ' "$(ask_lo 2>&1)" "on lo, during the restart"
		expect_match '^dm0 ' "$(ask_dm0 2>&1)" "on dm0, during the restart"
		expect_match '^six ' "$(ask_six 2>&1)" "on the link-local address, during the restart"
		asked=$((asked + 1))
	done
	wait "$restart_job" || fail "flip restart: $(cat "$TMP/restart")"
	[ "$asked" -ge 5 ] || fail "asked only $asked times"
	for ask in lo dm0 six; do
		expect_match "^$ask " "$("ask_$ask" 2>&1)" "on $ask, afterwards"
		expect_match "^$ask .*" "$("ask_$ask" | grep -v " $before$")" "the new version, on $ask"
	done
}

export TEST_PORT=$PORT
in_both_faces devices_stay
kill "$other"
pass
