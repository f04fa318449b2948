#!/bin/bash
# A server whose signal handlers have a stack of 8 KiB with a guard page below it (Rust's runtime gives its first
# thread such a one): it survives being retired, and ends as any other.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.c" <<'END'
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

/* What the processor's registers take is the kernel's: 4 KiB at least are there for the handler. */
static int has_little_stack(void)
{
	size_t guard = 4096, registers = getauxval(AT_MINSIGSTKSZ);
	size_t size = registers + 4096 > 8192 ? (registers + 4096 + 4095) / 4096 * 4096 : 8192;
	char *memory = mmap(NULL, guard + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = { .ss_sp = memory + guard, .ss_size = size };

	return memory != MAP_FAILED && mprotect(memory, guard, PROT_NONE) == 0 && sigaltstack(&stack, NULL) == 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0), on = 1;
	struct epoll_event event = { .events = EPOLLIN };
	FILE *tag_file = fopen(argv[2], "r");
	char tag[16], line[100];

	if (argc != 3 || !tag_file || fscanf(tag_file, "%15s", tag) != 1 || !has_little_stack())
		return 2;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 100) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event))
		return 2;
	for (;;) {
		int fd = epoll_wait(epoll, &event, 1, -1) == 1 ? accept(listener, NULL, NULL) : -1;
		ssize_t n = fd >= 0 ? read(fd, line, sizeof(line)) : 0;

		if (n > 0)
			dprintf(fd, "%s %d %.*s", tag, (int)getpid(), (int)n, line);
		if (fd >= 0)
			close(fd);
	}
}
END
cc -O1 -o "$TMP/server" "$TMP/server.c" || fail "no compiler"

survives() {
	local generation
	tag_set v1
	serve "$TMP/server" "$PORT" "$TMP/tag"
	load_start --pause-ms=1
	restart_to v2 v3 v4
	load_end
	for generation in 1 2 3; do
		log_has "generation $generation .* is gone: it (exited with status 0|ended)\$" ||
			fail "the end of generation $generation: $(grep "generation $generation " "$TMP/flip.log" | tail -n 1)"
	done
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
}

in_both_faces survives
pass
