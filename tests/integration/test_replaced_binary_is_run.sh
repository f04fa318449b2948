#!/bin/bash
# A binary that was replaced by rename: the restart runs the new one, the tag tells.
. "$(dirname "$0")/lib.sh"

# install VERSION: the test server with another built-in tag (two letters, as v1 has).
install() {
	sed "0,/\\x00v1\\x00/s//\\x00$1\\x00/" "$SERVER" >"$TMP/new"
	chmod +x "$TMP/new"
	mv "$TMP/new" "$TMP/server"
}

runs_new() {
	install v1
	serve "$TMP/server" --wait=epoll
	load_start --pause-ms=1
	for version in v2 v3; do
		expect_eq "$TMP/server" "$(readlink "/proc/$(pid_now)/exe")"
		install "$version"
		restart "$SUPERVISOR_PID"
		expect_eq "$version" "$(tag_now)"
		load_meets $version
	done
	load_end
}

control_without_flip
in_both_faces runs_new
pass
