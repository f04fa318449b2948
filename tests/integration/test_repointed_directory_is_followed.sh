#!/bin/bash
# The working directory was reached by a symbolic link 'current' that points elsewhere by now.
. "$(dirname "$0")/lib.sh"

mkdir -p "$TMP/releases/1" "$TMP/releases/2"
for release in 1 2; do
	sed "0,/\\x00v1\\x00/s//\\x00r$release\\x00/" "$SERVER" >"$TMP/releases/$release/server"
	chmod +x "$TMP/releases/$release/server"
	echo "f$release" >"$TMP/releases/$release/tag"
done

point_to() {
	ln -s "releases/$1" "$TMP/next" && mv -T "$TMP/next" "$TMP/current"
}

follows() {
	point_to 1
	cd "$TMP/current" || fail "no $TMP/current"
	serve ./server --wait=epoll
	expect_eq r1 "$(tag_now)"
	load_start --pause-ms=1
	point_to 2
	restart "$SUPERVISOR_PID"
	expect_eq r2 "$(tag_now)"
	expect_eq "$TMP/releases/2" "$(readlink "/proc/$(pid_now)/cwd")"
	point_to 1
	restart "$SUPERVISOR_PID"
	load_end
	expect_eq r1 "$(tag_now)"
	end_all

	# A program named by an absolute path: the relative file it reads is the new release's.
	serve "$SERVER" --wait=epoll --tag-file=tag --listen="127.0.0.1:$PORT"
	expect_eq f1 "$(tag_now)"
	point_to 2
	restart "$SUPERVISOR_PID"
	expect_eq f2 "$(tag_now)"
}

in_both_faces follows
pass
