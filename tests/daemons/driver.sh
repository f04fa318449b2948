# What the declarations of real servers share. A declaration is a script: it sources this file, says
# what the server is and how to talk to it, and calls 'drive'.
#
# A declaration sets
#   package       the Debian package of the program
#   version       a command that prints the version of the program somewhere
#   command       the command line, an array. A server that learns its version from nothing but its
#                 arguments is started by a script that configure writes: "$TMP/server"
#   to            where it listens, as the load client has it (127.0.0.1:8080)
#   fast          options of the load client: a request, and what must be answered
#   slow          the same for a request, or a session, that outlasts a hand-over; () if it knows none
#   slow_clients  how many of these (3)
#   slow_s        how many seconds a slow request is to take (1): longer than a restart, also where the
#                 machine has too much to do; less for a server that serves one client at a time
#   tag           what stands before the number of the version in an answer (v)
#   pidfile       where it writes its pid, if it does
#   crossing      'unseen' if flip cannot see what is in flight: it counts no connections; 'rare' if the
#                 server lets such a client in only now and then
#   stop_signal   what ends it without flip (TERM)
#   in_place      yes, if it must not run twice: nobody serves while a version fails to start
# and the functions
#   configure N   write the configuration of version N, whole, so that N is told by answers
#   break_it      make the next start fail; without it, "$TMP/server" exits with 1
#   prepare       what is to be made once
#   in_flight     run something else that outlasts a hand-over; fails if it was disturbed
#
# COMES_BACK=1: another test, see comes_back. RESTARTS: how many (10). FACTS: a directory for what scripts/compat makes a table of.
[ -z "${DRIVER:-}" ] || return 0
DRIVER=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Debian's own programs. And a /run of its own, for some servers write there whatever one tells them.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
if [ -z "${FLIP_DAEMON_MOUNTS:-}" ]; then
	export FLIP_DAEMON_MOUNTS=1
	unshare_flags=-m
	[ "$(id -u)" = 0 ] || unshare_flags=-rm
	exec unshare "$unshare_flags" "$BASH" "$0" "$@"
fi
. "$DRIVER/../integration/lib.sh"
mount -t tmpfs -o mode=755 tmpfs /run || fail "cannot mount a /run of its own"

RESTARTS=${RESTARTS:-10}
FACTS=${FACTS:+$FACTS/$NAME}
package='' version='' to=127.0.0.1:$PORT tag=v pidfile='' stop_signal=TERM slow_clients=3 slow_s=1
command=("$TMP/server") fast=() slow=() flip_options=()
in_place='' HELPER_PIDS='' current=0 crossed=0 crossing=seen IN_FLIGHT_PID='' WATCH_PID='' SLOW_PID=''
chmod 755 "$TMP"	# for servers that drop root

# fact NAME VALUE: for the table.
fact() {
	echo "# $1: $2"
	[ -z "$FACTS" ] || echo "$1=$2" >>"$FACTS"
}

# --- what declarations use ----------------------------------------------------------------------

# http PATH: put into 'http' the options to get this path. All bodies are "TAG PID end\n", and may
# have something before that.
http() {
	http=(--request="GET $1 HTTP/1.0\r\nHost: localhost\r\n\r\n" --until='end\n'
		--expect="(${2:-$tag[0-9]+}) ([0-9]+) end")
}

# file_set FILE: write standard input to it, in one step.
file_set() {
	cat >"$1.new" && mv "$1.new" "$1"
}

# script_set [FILE]: the same for a program ("$TMP/server").
script_set() {
	file_set "${1:-$TMP/server}.script" && chmod 755 "${1:-$TMP/server}.script" &&
		mv "${1:-$TMP/server}.script" "${1:-$TMP/server}"
}

# daemon_program NAME: a program of a package that cannot be installed beside another of these; see
# scripts/setup.
daemon_program() {
	find "${DAEMONS:-$ROOT/build/daemons}" -type f -name "$1" -path '*/*bin/*' | grep .
}

# helper COMMAND...: a process that the server needs, up to the end.
helper() {
	launch "$TMP/helper.log" "$@"
	HELPER_PIDS+=" $LAUNCHED_PID"
}

prepare() {
	:
}

break_it() {
	printf '#!/bin/sh\necho "this version is broken" >&2\nexit 1\n' | script_set
}

# --- asking -------------------------------------------------------------------------------------

# lib.sh's ask, for any protocol: print "TAG PID".
ask() {
	local tally
	tally=$("$LOAD" --to="$to" --requests=1 "${fast[@]}" 2>>"$TMP/ask.log")
	sed -n 's/^.* failed=0 by=\([^:]*\):\([0-9]*\)=1 .*$/\1 \2/p' <<<"$tally" | grep .
}

answers_current() {
	tag_is "$tag$current"
}

# wait_current SECONDS PID: until the current version answers, or the process is gone.
wait_current() {
	wait_for "$1" current_or_gone "$2"
	is_running "$2" || fail "the server ended instead of answering"
}

current_or_gone() {
	answers_current || ! is_running "$1"
}

version_next() {
	current=$((current + 1))
	configure "$current" || fail "cannot write the configuration"
}

# --- what is there ------------------------------------------------------------------------------

# processes_shown PID...: each with its descriptors, the numbers in them left out.
processes_shown() {
	local pid fd
	for pid; do
		for fd in /proc/"$pid"/fd/*; do
			readlink "$fd"
		done 2>/dev/null | grep -v "^$TMP/data/" |
			sed 's/.* (deleted)$/a deleted file/; s/[0-9]\+/N/g' | sort | uniq -c |
			awk -v name="$(cat "/proc/$pid/comm")" '{ print name ": " $0 }'
	done | sort
}

# Listening and bound sockets, but for flip's own.
sockets_shown() {
	awk '$4 == "0A" { print FILENAME, $2 }' /proc/net/tcp /proc/net/tcp6 | sort
	awk '$4 == "07" { print FILENAME, $2 }' /proc/net/udp /proc/net/udp6 | sort
	awk '$8 ~ "^/" { print $8, $6 }' /proc/net/unix | sed 's/[0-9]\+/N/g' | sort
}

# Files, but for the logs, the data, and what this script writes itself. After a stop a Unix socket's path is to
# be gone in any case, which not every server does without flip.
files_shown() {
	find "$TMP" /run \( -name '*.log' -o -name 'load.*' -o -name slow.stop -o -path "$TMP/own/*" -o -path "$TMP/data/*" \) \
		-prune -o -printf '%y %p\n' | sed 's/[0-9]\+/N/g' | sort -u
}

what_is_there() {
	local -a pids
	# First, for what sorts and counts would be there, too.
	pids=($(processes))
	processes_shown "${pids[@]}"
	sockets_shown
	files_shown
}

# is_as_before: everything is as it was when own/before was written.
is_as_before() {
	what_is_there >"$TMP/own/now"
	cmp -s "$TMP/own/before" "$TMP/own/now"
}

expect_as_before() {
	local end=$(($(now_ms) + 5000 * PATIENCE))
	until is_as_before; do
		[ "$(now_ms)" -lt "$end" ] && continue
		diff "$TMP/own/before" "$TMP/own/now" | sed 's/^/# /'
		fail "left over or lost after $1: $(diff "$TMP/own/before" "$TMP/own/now" |
			grep '^[<>]' | tr -s ' ' | paste -sd ';' | cut -c 1-300)"
	done
}

# --- load ---------------------------------------------------------------------------------------

load_all_start() {
	rm -f "$TMP"/load.{stop,answers} "$TMP"/{load,slow,flight,pidfile}.log
	# In place clients wait while a version fails, and then for the server's own start.
	launch "$TMP/load.log" "$LOAD" --to="$to" --clients=4 --stop-file="$TMP/load.stop" \
		--answers-file="$TMP/load.answers" ${in_place:+"--timeout-ms=$((5000 * PATIENCE))"} "${fast[@]}"
	LOAD_PID=$LAUNCHED_PID
	if [ ${#slow[@]} -gt 0 ]; then
		launch "$TMP/slow.log" "$LOAD" --to="$to" --clients="$slow_clients" \
			--stop-file="$TMP/load.stop" "${slow[@]}"
		SLOW_PID=$LAUNCHED_PID
	fi
	if declare -F in_flight >/dev/null; then
		in_flight_repeat >"$TMP/flight.log" 2>&1 &
		IN_FLIGHT_PID=$!
	fi
	if [ -n "$pidfile" ]; then
		launch "$TMP/pidfile.log" "$BUILD/tests/daemons/watch_pidfile" "$pidfile" "$TMP/load.stop"
		WATCH_PID=$LAUNCHED_PID
	fi
	wait_for 10 test -s "$TMP/load.answers"
}

in_flight_repeat() {
	local ok=0 failed=0
	while [ ! -e "$TMP/load.stop" ]; do
		if in_flight; then ok=$((ok + 1)); else failed=$((failed + 1)); fi
	done
	echo "sent=$((ok + failed)) ok=$ok failed=$failed"
}

# tally_of LOG: its last tally; LOAD_FAILED is the number in it.
tally_of() {
	TALLY=$(grep '^sent=' "$1" | tail -n 1)
	LOAD_FAILED=$(load_field failed)
	[ -n "$LOAD_FAILED" ] || fail "no tally in ${1##*/}"
}

# load_all_end: FAST_FAILED and SLOW_FAILED are what was lost, FAST_TALLY and SLOW_TALLY the tallies.
load_all_end() {
	local pid
	touch "$TMP/load.stop"
	for pid in $LOAD_PID $SLOW_PID $IN_FLIGHT_PID $WATCH_PID; do
		wait_for 20 not is_running "$pid"
	done
	SLOW_FAILED=0 SLOW_TALLY=''
	[ -z "$SLOW_PID" ] || tally_add "$TMP/slow.log"
	[ -z "$IN_FLIGHT_PID" ] || tally_add "$TMP/flight.log"
	tally_of "$TMP/load.log"
	FAST_FAILED=$LOAD_FAILED FAST_TALLY=$TALLY
	LOAD_PID='' SLOW_PID='' IN_FLIGHT_PID='' WATCH_PID=''
}

tally_add() {
	tally_of "$1"
	SLOW_FAILED=$((SLOW_FAILED + LOAD_FAILED))
	SLOW_TALLY=$TALLY
}

# failures_named TALLY: "3 of 400 requests failed (reset=2 short=1)".
failures_named() {
	local TALLY=$1
	echo "$(load_field failed) of $(load_field sent) requests failed$(tr ' ' '\n' <<<"$TALLY" |
		grep -E '^(refused|reset|empty|short|timeout|other)=[1-9]' | paste -sd ' ' | sed 's/.\+/ (&)/')"
}

# "3 of 400"
failures_short() {
	local TALLY=$1
	echo "$(load_field failed) of $(load_field sent)"
}

# --- the control --------------------------------------------------------------------------------

bare_start() {
	version_next
	# Some leave the path behind, and some cannot start then.
	[[ $to != unix:* ]] || rm -f "${to#unix:}"
	# In a group of its own: the signal that ends Apache goes to the whole group.
	launch "$TMP/bare.log" setsid "${command[@]}"
	SERVER_PID=$LAUNCHED_PID
	wait_current 20 "$SERVER_PID"
}

bare_stop() {
	kill -"$stop_signal" "$SERVER_PID"
	wait_for 40 not is_running "$SERVER_PID" # gunicorn gives its workers 30 s
	wait_for 10 only_clients_are_left
}

# Workers end a moment after their master; ours may run on.
only_clients_are_left() {
	local pid
	for pid in $(processes); do
		[[ " $HELPER_PIDS " != *" $pid "* ]] || continue
		case $(cat "/proc/$pid/comm" 2>/dev/null) in
		load | watch_pidfile | '') ;;
		*) [[ " $IN_FLIGHT_PID " == *" $(process_parent "$pid") "* ]] || return 1 ;;
		esac
	done
}

process_parent() {
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 2
}

# The same without flip: stopped and started once, which must lose requests.
control() {
	local began
	bare_start
	load_all_start
	began=$(now_ms)
	bare_stop
	[ -n "$in_place" ] || load_meets_nobody
	bare_start
	[ -z "$in_place" ] || fact own_pause "$(($(now_ms) - began)) ms"
	load_all_end
	bare_stop
	[[ $to != unix:* ]] || rm -f "${to#unix:}"
	files_shown >"$TMP/own/stopped"
	fact control "$((FAST_FAILED + SLOW_FAILED))"
	[ "$FAST_FAILED" -gt 0 ] || fail "the control without flip lost nothing: $FAST_TALLY"
}

# --- under flip ---------------------------------------------------------------------------------

# One restart under load.
restart_once() {
	version_next
	flip restart "$FLIP_PID" || fail "restart to version $current: $(tail -n 1 <<<"$OUTPUT")"
	[[ -z $in_place || $OUTPUT == *', in place; '* ]] || fail "not in place: $OUTPUT"
	[[ ! $OUTPUT =~ draining\ [1-9] ]] || crossed=$((crossed + 1))
	expect_only_current
}

# The next answers are the new generation's, and no older one's.
expect_only_current() {
	local answer i
	for i in 1 2 3 4 5; do
		answer=$(tag_now)
		[ "$answer" = "$tag$current" ] || fail "version $current was ready, but" \
			"'${answer:-nobody}' answered $(head -n 1 <<<"$OUTPUT")"
	done
}

wait_old_gone() {
	local end=$(($(now_ms) + 15000 * PATIENCE))
	until old_are_gone; do
		[ "$(now_ms)" -lt "$end" ] || fail "an old generation does not end:" \
			"$(grep '^generation' <<<"$OUTPUT" | paste -sd ';')"
		sleep 0.02
	done
}

# A version that does not start must cost nothing.
broken_once() {
	break_it || fail "cannot break the version"
	if flip restart "$FLIP_PID"; then
		fail "the restart to a broken version should have failed: $OUTPUT"
	fi
	[[ $OUTPUT == *"${in_place:+nobody }serves"* ]] ||
		fail "broken version: $(tail -n 1 <<<"$OUTPUT")"
	fact broken "$(tail -n 1 <<<"$OUTPUT")"
	[ -z "$in_place" ] || repair_in_place
	expect_only_current
}

# Clients wait until there is a version that starts; a restart does not wait for the next try, but that
# may be under way.
repair_in_place() {
	configure "$current" || fail "cannot write the configuration"
	flip restart "$FLIP_PID" || [[ $OUTPUT == *'upgrade in progress'* ]] ||
		fail "restart after a broken version: $(tail -n 1 <<<"$OUTPUT")"
	wait_for 10 answers_current
}

under_flip() {
	local end
	version_next
	launch "$TMP/flip.log" "$FLIP" run --name="$NAME" "${flip_options[@]}" -- "${command[@]}"
	FLIP_PID=$LAUNCHED_PID
	wait_current 20 "$FLIP_PID"
	end=$(($(now_ms) + 10000 * PATIENCE))
	until status_has ': serving,'; do
		[ "$(now_ms)" -lt "$end" ] || fail "the server answers, but flip does not find it ready:" \
			"$(head -n 1 <<<"$OUTPUT")"
	done
}

restarts() {
	local i
	restart_once
	wait_old_gone
	what_is_there >"$TMP/own/before"
	crossed=0
	load_all_start
	for ((i = 1; i <= RESTARTS; i++)); do
		restart_once
		# Then those who wait for something slow have all begun it with the current one.
		wait_old_gone
		load_meets "$tag$current"
		[ "$i" != $((RESTARTS / 2)) ] || broken_once
	done
	load_all_end
}

# Everything that the loads saw.
judge() {
	local least=$((RESTARTS / 2)) TALLY
	fact fast "$(failures_short "$FAST_TALLY")"
	[ -z "$SLOW_TALLY" ] || fact slow "$(failures_short "$SLOW_TALLY") ($crossed)"
	[ "$FAST_FAILED" = 0 ] || fail "$(failures_named "$FAST_TALLY")"
	[ "$SLOW_FAILED" = 0 ] || fail "in flight: $(failures_named "$SLOW_TALLY")"
	TALLY=$FAST_TALLY
	[ -z "$in_place" ] || fact longest_wait "$(($(load_field max_us) / 1000)) ms"
	[ "$crossing" != rare ] || least=1
	[ -z "$SLOW_TALLY" ] || [ "$crossing" = unseen ] || [ "$crossed" -ge "$least" ] ||
		fail "a request was in flight at only $crossed of $RESTARTS hand-overs"
	# In place it names nobody for a moment, or is not there.
	if [ -n "$pidfile" ] && [ -z "$in_place" ]; then
		fact pidfile "$(cat "$TMP/pidfile.log")"
		grep -q 'missing=0 empty=0 dead=0' "$TMP/pidfile.log" ||
			fail "the pidfile did not always name a running process: $(cat "$TMP/pidfile.log")"
	fi
}

# Instead of all that: the new version is killed while it is on probation, and the one before it comes
# back. Nobody is refused, and only what the dead one had taken is lost.
comes_back() {
	local refused
	under_flip
	load_all_start
	restart_once
	status_has '^generation 2 ' || fail "no second generation: $OUTPUT"
	kill -KILL "$(generation_pid 2)"
	current=$((current - 1))
	wait_for 10 answers_current
	wait_for 5 status_has 'within the probation; generation 1 serves again'
	load_all_end
	TALLY=$FAST_TALLY
	refused=$(load_field refused)
	echo "# came back: $(failures_named "$FAST_TALLY")"
	expect_eq 0 "$refused" "refused"
	[ "$FAST_FAILED" -le 4 ] || fail "more was lost than the dead version had taken: $FAST_TALLY"
	current=$((current + 1))
	configure "$current"
	flip restart "$FLIP_PID" || fail "the restart after that: $(tail -n 1 <<<"$OUTPUT")"
	expect_only_current
	flip stop "$FLIP_PID" || fail "flip stop: $(tail -n 1 <<<"$OUTPUT")"
	wait_for 20 not is_running "$FLIP_PID"
	wait_for 10 only_clients_are_left
	pass
}

stop_all() {
	flip stop "$FLIP_PID" || fail "flip stop: $(tail -n 1 <<<"$OUTPUT")"
	wait_for 20 not is_running "$FLIP_PID"
	wait_for 10 only_clients_are_left
	files_shown >"$TMP/own/now"
	cmp -s "$TMP/own/stopped" "$TMP/own/now" || fail "after the stop there is not what the server" \
		"leaves without flip: $(diff "$TMP/own/stopped" "$TMP/own/now" | grep '^[<>]' |
			paste -sd ';')"
}

drive() {
	cd "$TMP" && mkdir "$TMP/own" || fail "cannot make $TMP/own"
	[ ${#fast[@]} -gt 0 ] || fail "the declaration has no request"
	fact version "$package $(eval "$version" 2>&1 | grep -Eo '[0-9]+(\.[0-9]+)+[0-9a-z]*' | head -n 1)"
	fact restarts "$RESTARTS"
	prepare
	[ -z "${COMES_BACK:-}" ] || comes_back
	control
	under_flip
	restarts
	judge
	wait_old_gone
	expect_as_before "$RESTARTS restarts"
	stop_all
	pass
}
