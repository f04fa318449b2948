#!/bin/bash
# Profiles: a known program runs as its line says; an administrator's file comes first, an option or a
# variable before both; a bad line is refused by its place. 'flip profiles' prints what the file may
# have. And a program that turns out to refuse a second copy is told of with advice.
. "$(dirname "$0")/lib.sh"

# A program by the name of one that is known: the test server.
mkdir "$TMP/bin" "$TMP/real"
cp "$SERVER" "$TMP/real/redis-server"
ln -s "$TMP/real/redis-server" "$TMP/bin/my-cache"
cp "$SERVER" "$TMP/bin/named"
export PATH=$TMP/bin:$PATH

# One that refuses a second copy; made here, so that it is old when it starts.
cat >"$TMP/locking" <<-END
	#!/bin/sh
	exec flock --no-fork --nonblock --conflict-exit-code=9 "$TMP/lock" "$SERVER" --listen=127.0.0.1:$PORT
END
chmod +x "$TMP/locking"

# runs_in_place WANTED COMMAND...: is the next restart one in place?
runs_in_place() {
	local wanted=$1
	shift
	export FLIP_STOP_TIMEOUT=10s
	"${start:-start_flip}" "${flip_options[@]}" -- "$@" --listen=127.0.0.1:$PORT
	wait_for 5 status_has ': serving,'
	restart "$FLIP_PID"
	if [[ $OUTPUT == *', in place; '* ]]; then got=yes; else got=no; fi
	expect_eq "$wanted" "$got" "in place: $*"
	end_all
}

flip_options=()
runs_in_place no "$SERVER"
runs_in_place yes "$TMP/real/redis-server"
runs_in_place yes "$TMP/bin/my-cache"		# by what the link leads to
runs_in_place yes named				# by PATH
flip_options=(--overlap)
runs_in_place no named
flip_options=()
FLIP_IN_PLACE=0 runs_in_place no named
FLIP_OVERLAP=1 runs_in_place no named

# An administrator's file.
cat >"$TMP/profiles" <<-'END'
	# what we know better

	named overlap		# ours has no lock
	my-cache overlap stop-signal=INT
	server in-place drain-timeout=300ms # two are too many
END
flip_options=(--profiles="$TMP/profiles")
runs_in_place no named
runs_in_place no my-cache
runs_in_place yes "$SERVER"
runs_in_place yes "$TMP/real/redis-server"	# those of flip follow
flip_options=()
export FLIP_PROFILES=$TMP/profiles
runs_in_place no named
start_flip -- server --wait=epoll --keepalive
log_has 'profile server: in-place drain-timeout=300ms \(two are too many\)' || fail "the log does not say so"
hold 7
begun=$(now_ms)
restart "$FLIP_PID"
[ $(($(now_ms) - begun)) -ge 290 ] || fail "drained too shortly"
hold_end 7
end_all

# The bare face as well.
FACE=bare serve server
restart "$SUPERVISOR_PID"
expect_match ', in place; ' "$OUTPUT" "bare"
end_all

# What is printed is what the file may have.
flip profiles || fail "flip profiles: $OUTPUT"
expect_match '^named +overlap +# ours has no lock' "$OUTPUT" "the file's come first"
printf '%s\n' "$OUTPUT" >"$TMP/printed"
flip profiles "$TMP/printed" || fail "its own output: $OUTPUT"
expect_eq "$(cat "$TMP/printed")" "$(head -n "$(wc -l <"$TMP/printed")" <<<"$OUTPUT")" "printed again"
unset FLIP_PROFILES
flip profiles
expect_match 'postgres +in-place stop-signal=INT [^#]*# [^#]*locks' "$OUTPUT" "a reason"

# refuses REGEX LINE: as the third of a file.
refuses() {
	printf '# one\n\n%s\nnamed overlap\n' "$2" >"$TMP/bad"
	flip run --profiles="$TMP/bad" -- touch "$TMP/was-run"
	expect_eq 125 $? "exit code with the line '$2'"
	expect_eq 1 "$(wc -l <<<"$OUTPUT")" "sentences"
	expect_match "$TMP/bad, line 3: .*$1" "$OUTPUT" "sentence"
	[ ! -e "$TMP/was-run" ] || fail "the command was run"
}

refuses "'in-plac' is no option of flip run" 'redis-server in-plac'
refuses "'KILL' is not a signal" 'redis-server stop-signal=KILL # why not'
refuses 'belongs to one service' 'redis-server pid-file=/run/redis.pid'
refuses 'without its directory' '/usr/bin/redis-server in-place'
refuses 'control character' "$(printf 'redis-server in-place\001')"
refuses 'longer than 511' "redis-server in-place # $(printf '%600s' x)"
flip run --profiles="$TMP/missing" -- touch "$TMP/was-run"
expect_eq 125 $? "exit code without the file"
expect_match "cannot read the profiles $TMP/missing: No such file" "$OUTPUT"

# A program that refuses a second copy, and is the same as ever. Time stamps of files are compared by the second,
# and the clock of those is a tick late.
is_old() {
	[ "$(stat -c %Z "$1")" -lt $(($(date +%s) - 1)) ]
}
wait_for 3 is_old "$TMP/locking"
start_flip -- "$TMP/locking"
restart_refused 'exited with status 9 before it was ready \(it is unchanged: if two must not run at a time, use --in-place\); generation 1 serves on$' "$FLIP_PID"
# A new version may be broken: no such advice.
cp "$TMP/locking" "$TMP/locking.new"
echo exit 1 >>"$TMP/locking.new"
mv "$TMP/locking.new" "$TMP/locking"
restart_refused 'exited with status 9 before it was ready; generation 1 serves on$' "$FLIP_PID"
pass
