#!/bin/bash
# On a full disk: flip refuses to start without its pid file, whole, and says why; a running service is
# restarted, shows its status and stops as ever, whatever it logs to; the server's own pid file is left as
# it was, or says the truth, but never is empty.

# A file system of its own, that nobody else sees.
if [ -z "${FLIP_TEST_DISK:-}" ]; then
	FLIP_TEST_DISK=1 exec unshare -m "$BASH" "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
DISK=$TMP/disk
mkdir "$DISK"
mount -t tmpfs -o size=64k,nr_inodes=64 tmpfs "$DISK" || fail "cannot mount a file system"

fill() {
	dd if=/dev/zero of="$DISK/filler" bs=4k 2>/dev/null
	! cp "$0" "$DISK/probe" 2>/dev/null || fail "the disk is not full"
	rm -f "$DISK/probe"
}

empty() {
	rm -f "$DISK/filler"
}

# Nothing is started, and nothing is left that would name a process.
is_not_started_without_pid_file() {
	fill
	flip run --pid-file="$DISK/pid" -- "$SERVER" --listen="127.0.0.1:$PORT"
	expect_eq 125 $? "exit code"
	expect_match "^flip: cannot write the pid file $DISK/pid: No space left on device\$" "$OUTPUT"
	[ ! -e "$DISK/pid" ] || fail "a pid file is left over"
	expect_eq '' "$(processes)" "processes"
	empty
}

# Its own pid file was written before; its log and the server's go to the disk.
restarts() {
	local n
	tag_set v1
	behave
	: >"$DISK/flip.log"
	ln -sf "$DISK/flip.log" "$TMP/flip.log"
	start_flip --pid-file="$DISK/pid" --name=full -- server --wait=epoll --term=graceful \
		--pidfile="$DISK/server.pid" --pidfile-style="$1" --tag-file="$TMP/tag" \
		--behaviour-file="$TMP/behaviour"
	wait_for 10 status_has ': serving,'
	before=$(cat "$DISK/server.pid")
	expect_eq "$before" "$(pid_now)" "the server's pid file"
	load_start --pause-ms=1
	fill
	for n in 2 3; do
		tag_set "v$n"
		if flip restart full; then
			expect_match "generation $n .*ready" "$OUTPUT"
			wait_for 5 tag_is "v$n"
		else
			# The server itself may not do without.
			expect_match 'generation 1 serves on$' "$OUTPUT"
			expect_eq v1 "$(tag_now)" "who serves"
		fi
		flip status full || fail "status: $OUTPUT"
		expect_match '^full: serving' "$OUTPUT"
		wait_for 10 old_are_gone
		[ -s "$DISK/server.pid" ] || fail "$1: the server's pid file is empty"
		is_running "$(cat "$DISK/server.pid")" ||
			fail "$1: the server's pid file names nobody: $(cat "$DISK/server.pid")"
		expect_eq "$FLIP_PID" "$(cat "$DISK/pid")" "flip's pid file"
		echo "$1: $(tail -n 1 <<<"$OUTPUT")"
	done
	empty
	tag_set v4
	restart full
	wait_for 5 tag_is v4
	wait_for 10 old_are_gone
	expect_eq "$(pid_now)" "$(cat "$DISK/server.pid")" "the server's pid file after there is room"
	load_end
	flip stop full || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
	# What the server left behind where it could not write is its own.
	rm -f "$DISK"/server.pid.*
	expect_eq flip.log "$(ls -A "$DISK")" "what is left on the disk"
	end_all
}

control_without_flip
is_not_started_without_pid_file
for style in ${STYLES:-fopen creat excl keep shell rename}; do
	restarts "$style"
done
pass
