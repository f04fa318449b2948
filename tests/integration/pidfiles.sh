# What the tests of pid files share. Source it after lib.sh. The pid file is $file.

file=$TMP/server.pid

# Look at it as often as possible from now on, and leave something to the others. watch_end WHAT: it named
# a running process each time.
watch_start() {
	rm -f "$TMP/watch.stop" "$TMP/watch"
	nice -n 5 "$BUILD/tests/bench/pidfile_watch" "$file" "$TMP/watch.stop" >"$TMP/watch" 2>&1 &
	watch=$!
	wait_for 5 test -s "$TMP/watch"
}

watch_end() {
	touch "$TMP/watch.stop"
	wait "$watch" || fail "$1: the pid file: $(head -n 3 "$TMP/watch" | tr '\n' ' ') $(tail -n 1 "$TMP/watch")"
	echo "$1: $(tail -n 1 "$TMP/watch")"
}

names() {
	[ "$(cat "$file")" = "$1" ]
}

file_of() {
	stat -c '%i %a %u:%g' "$file"
}

# fails WORDS: a version that behaves so leaves it as it was.
fails() {
	local before
	before="$(file_of) $(cat "$file")"
	behave "$@"
	restart_refused 'generation' "$SUPERVISOR_PID"
	expect_eq "$before" "$(file_of) $(cat "$file")" "$style: the pid file after $*"
}

# writes STYLE [SERVER ARGS]: through restarts, upgrades that fail, and a stop, under load.
writes() {
	local style=$1 n
	shift
	serve_versions server --wait=epoll --term=graceful --pidfile="$file" --pidfile-style="$style" "$@"
	wait_for 5 names "$(pid_now)"
	mode=$(stat -c %a "$file")
	watch_start
	load_start --pause-ms=2
	for ((n = 2; n <= 6; n++)); do
		tag_set "v$n"
		restart "$SUPERVISOR_PID"
		wait_for 5 names "$(pid_now)"
		expect_eq "$mode" "$(stat -c %a "$file")" "$style: mode"
		fails --exit-at-start=3 --at=written
		fails --crash-at-start --at=written
		behave
	done
	wait_for 5 old_are_gone
	load_end
	watch_end "$style $*"
	names "$(pid_now)" || fail "$style: the pid file names $(cat "$file")"
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
	[ ! -e "$file" ] || fail "$style: still there after the stop"
	[ -z "$(find "$TMP" -name '.flip*' -o -name 'server.pid*')" ] || fail "$style: left over: $(ls -A "$TMP")"
}
