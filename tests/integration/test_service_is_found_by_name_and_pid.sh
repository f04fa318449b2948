#!/bin/bash
# A service is meant by its name, by the pid of its supervisor or of its server, or as the only one.
. "$(dirname "$0")/lib.sh"

finds() {
	serve server --wait=epoll
	for target in server "$SUPERVISOR_PID" pid ''; do
		[ "$target" != pid ] || target=$(pid_now)
		flip restart $target || fail "restart '$target': $OUTPUT"
		wait_for 5 old_are_gone
		server=$(pid_now)
		[ "$target" = "${target#[0-9]}" ] || target=$server
		flip status $target || fail "status '$target': $OUTPUT"
		expect_match "\\(pid $server\\) serving" "$OUTPUT"
		flip status "$server" || fail "status of the server's pid: $OUTPUT"
	done
	for target in none 1 $$ 999999999; do
		flip restart "$target"
		expect_eq 125 $? "exit code for the target '$target'"
	done
	flip stop "$(pid_now)" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
	flip status
	expect_eq 125 $? "exit code of status without a service"
	expect_match 'no service' "$OUTPUT"
}

in_both_faces finds

# With two of them one has to be named.
start_flip --name=one -- server
PORT=8081 start_flip --name=two -- server
flip restart
expect_eq 125 $? "exit code when two are meant"
expect_match 'several services.*one, two' "$OUTPUT"
for name in one two; do
	flip restart "$name" || fail "restart $name: $OUTPUT"
	flip status "$name" || fail "status $name: $OUTPUT"
	expect_match "^$name: serving, .* 1 restart" "$OUTPUT"
done
pass
