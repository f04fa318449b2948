#!/bin/bash
# What starts a server, or the server itself, looks whether another one is there: at the pid file, at its content,
# at the process in /proc, at the socket. A new generation finds nothing, and a failed one has touched nothing.
. "$(dirname "$0")/lib.sh"

file=$TMP/server.pid path=$TMP/server.sock
# No pid file, for it has more in it.
remembers="read -r _ old <'$TMP/note'"

start_looking() { # CHECK: fails if another one is there
	tag_set v1
	behave
	echo pid 999999999 >"$TMP/note"
	serve /bin/sh -c "$1 || { echo another one is there; exit 3; }; echo pid \$\$ >'$TMP/note'; exec \"\$@\"" sh \
		"$SERVER" --wait=epoll --strict --term=graceful --listen="127.0.0.1:$PORT" --listen="unix:$path" \
		--pidfile="$file" --tag-file="$TMP/tag" --behaviour-file="$TMP/behaviour"
	wait_for 5 names "$(pid_now)"
}

names() {
	[ "$(cat "$file")" = "$1" ]
}

looks() {
	local files
	start_looking "$1"
	# Without flip there is something.
	echo "pid $(pid_now)" >"$TMP/note"
	! /bin/sh -c "$1" || fail "$1: without flip it finds nothing"
	load_start
	restart_to v2 v3
	wait_for 5 names "$(pid_now)"
	files=$(stat -c '%i %a' "$file" "$path")
	behave --exit-at-start=3 --at=listen
	restart_refused 'generation 4 ' "$SUPERVISOR_PID"
	expect_eq "$files" "$(stat -c '%i %a' "$file" "$path")" "$1: files after a version that failed"
	load_stop
	expect_eq 0 "$LOAD_FAILED" "$1: failed requests"
	expect_match '^v3 ' "$(ask "unix:$path")" "$1: who answers at the socket"
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 10 processes_are ''
	[ ! -e "$file" ] && [ ! -e "$path" ] || fail "$1: still there after the stop"
	end_all
}

# What starts the server writes the pid file itself, and reads it back. SCRIPT: exits if something is wrong.
starts() {
	tag_set v1
	behave
	echo 1 >"$TMP/setting"
	serve /bin/sh -c "$1; read -r pid <'$file'; [ \$pid = \$\$ ] || exit 5; exec \"\$@\"" sh \
		"$SERVER" --wait=epoll --listen="127.0.0.1:$PORT" --tag-file="$TMP/tag" --behaviour-file="$TMP/behaviour"
	pid_now >"$TMP/setting"
	touch -d 2020-01-01 "$TMP/setting"
	restart_to v2 v3
	wait_for 5 names "$(pid_now)"
	end_all
	rm -f "$file"
}

FACE=run
starts "for n in 1 2; do echo \$\$ >'$file.tmp'; mv '$file.tmp' '$file' || exit 3; done"
starts "flock -n '$file' true || exit 3; echo \$\$ >>'$file.tmp'; cat '$file.tmp' >'$file'; rm '$file.tmp'; [ -s '$file' ] || exit 4"
# A file that is older than the process of its number is no pid file.
starts "echo \$\$ >'$file'; read -r n <'$TMP/setting' && [ -e '$TMP/setting' ] || exit 3"
looks "[ ! -e '$file' ]"
looks "[ ! -r '$file' ]"
looks "! stat '$file' >/dev/null 2>&1"
looks "! read -r _ <'$file'"
looks "/usr/bin/python3 -c 'import os, sys; sys.exit(os.path.exists(\"$file\") or os.access(\"$file\", os.R_OK))'"
looks "[ ! -S '$path' ] && ! ls -d '$path' >/dev/null 2>&1"
looks "$remembers; [ ! -d /proc/\$old ] && ! read -r _ </proc/\$old/stat"
pass
