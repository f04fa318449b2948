#!/bin/bash
# Somebody has a lock on a file of another file system that has the same number as the pid file. That is no lock on
# the pid file: it names the server that runs, also when a new version has written it and failed.

# File systems of its own, that nobody else sees.
if [ -z "${FLIP_TEST_DISK:-}" ]; then
	FLIP_TEST_DISK=1 exec unshare -m "$BASH" "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
DISK=$TMP/disk
mkdir "$DISK"
mount -t tmpfs tmpfs "$DISK" || fail "cannot mount a file system"
mkdir "$DISK/ours" "$DISK/others"
mount -t tmpfs tmpfs "$DISK/ours" && mount -t tmpfs tmpfs "$DISK/others" || fail "cannot mount a file system"
file=$DISK/ours/server.pid

number() {
	stat -c %i "$1"
}

# $DISK/others/file has the number of the pid file: numbers rise from file to file.
make_alike() {
	local n=0
	: >"$DISK/others/file0"
	while [ "$(number "$DISK/others/file$n")" -lt "$(number "$file")" ]; do
		n=$((n + 1))
		: >"$DISK/others/file$n"
	done
	mv "$DISK/others/file$n" "$DISK/others/file"
	expect_eq "$(number "$file")" "$(number "$DISK/others/file")" "the number of the other file"
}

# fails WHAT: a version that has written the pid file, and fails.
fails() {
	behave --exit-at-start=3 --at=written
	restart_refused 'exited with status 3 before it was ready' "$SUPERVISOR_PID"
	expect_eq "$server" "$(cat "$file")" "$1: the pid file"
	expect_eq "$server" "$(pid_now)" "$1: who serves"
}

is_locked() {
	grep -q ":$(number "$1") " /proc/locks
}

names_the_server() {
	local n
	rm -f "$file" "$DISK"/others/*
	# So that it has not a lower number than any of the others.
	for n in {1..20}; do
		: >"$DISK/ours/$n"
	done
	serve_versions server --wait=epoll --pidfile="$file"
	server=$(pid_now)
	expect_eq "$server" "$(cat "$file")" "the pid file"
	fails "without a lock"
	make_alike
	exec 8<"$DISK/others/file"
	flock -n 8 || fail "cannot lock"
	is_locked "$file" || fail "the numbers of the two files differ: $(cat /proc/locks)"
	fails "with a lock elsewhere"
	behave
	restart "$SUPERVISOR_PID"
	wait_for 5 old_are_gone
	expect_eq "$(pid_now)" "$(cat "$file")" "the pid file after a restart"
	exec 8<&-
}

in_both_faces names_the_server
pass
