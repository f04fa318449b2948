#!/bin/bash
# A service under a filter that kills who calls pidfd_getfd(2) or bpf(2), as SystemCallFilter=@system-service of systemd
# does: flip does without them, restarts lose nothing, and a stop is a stop.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/filter.c" <<'END'
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_getfd, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };

	if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		perror("filter");
	else
		execvp(argv[1], argv + 1);
	return 127;
}
END
cc -o "$TMP/filter" "$TMP/filter.c" || fail "no compiler"

cat >"$TMP/calls.c" <<'END'
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	return syscall(strcmp(argv[argc - 1], "bpf") == 0 ? SYS_bpf : SYS_pidfd_getfd, -1, -1, -1) != -1;
}
END
cc -o "$TMP/calls" "$TMP/calls.c" || fail "no compiler"

is_killed_by() {
	"$TMP/filter" "$TMP/calls" "$1" 2>/dev/null
	[ $? = 159 ] # SIGSYS
}

# serve_filtered OPTIONS: the server, its supervisor, and where there is one flip run.
serve_filtered() {
	tag_set v1
	launch_filtered "$SERVER" --listen="$(target)" --strict --tag-file="$TMP/tag" "$@"
	wait_answer "$FLIP_PID"
	wait_until_serving
}

launch_filtered() {
	if [ "$FACE" = bare ]; then
		launch "$TMP/flip.log" LD_PRELOAD="$LIBRARY" "$TMP/filter" "$@"
	else
		KEEP_JOB=1 launch "$TMP/flip.log" "$TMP/filter" "$FLIP" run -- "$@"
	fi
	FLIP_PID=$LAUNCHED_PID
}

lives() {
	local version
	serve_filtered "$@"
	load_start --pause-ms=1
	for version in v2 v3 v4; do
		tag_set $version
		restart "$SUPERVISOR_PID"
		is_running "$SUPERVISOR_PID" || fail "$*: the supervisor is gone"
		wait_for 5 tag_is $version
		load_meets $version
	done
	load_end
	hold 7
	is_running "$SUPERVISOR_PID" || fail "$*: the supervisor is gone"
	status_has '^generation 4 .* serving' || fail "$*: status: $OUTPUT"
	hold_end 7
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	[ "$FACE" = bare ] || expect_exit 0 "$FLIP_PID"
	wait_for 5 processes_are ''
	end_all
}

for call in pidfd_getfd bpf; do
	is_killed_by $call 2>/dev/null || fail "the filter does not kill who calls $call"
done
in_both_faces lives --wait=epoll
in_both_faces lives --wait=threads
in_both_faces lives --wait=epoll --reuseport=4
pass
