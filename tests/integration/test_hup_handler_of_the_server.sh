#!/bin/bash
# Under flip run a server's own HUP handler stays its own; in the bare face HUP is flip's.
. "$(dirname "$0")/lib.sh"

hup_count_is() {
	expect_answer=$(ask)
	[ "${expect_answer##* hup=}" = "$1" ]
}

FACE=run
serve_versions server --wait=epoll --handle-hup
load_start --pause-ms=1
server=$(pid_now)
for count in 1 2 3; do
	kill -HUP "$server"
	wait_for 5 hup_count_is "$count"
	expect_eq "$server" "$(pid_now)" "who serves"
done
tag_set v2
restart_by_signal "$FLIP_PID"
wait_for 5 tag_is v2
hup_count_is 0 || fail "the new process: $expect_answer"
kill -HUP "$(pid_now)"
wait_for 5 hup_count_is 1
load_end
end_all

FACE=bare
serve_versions server --wait=epoll --handle-hup
load_start --pause-ms=1
for version in v2 v3; do
	tag_set $version
	restart_by_signal "$(pid_now)"
	wait_for 5 tag_is $version
	hup_count_is 0 || fail "the server saw a signal of flip's: $expect_answer"
done
load_end
pass
