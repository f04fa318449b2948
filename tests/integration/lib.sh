# What the integration tests share. Source it first: . "$(dirname "$0")/lib.sh"
#
# A script runs in a network namespace of its own, so that ports never clash; it tests one
# behaviour, and ends with 'pass' or 'fail REASON'. Its last line is "ok - NAME" or "not ok - NAME:
# REASON".
#
# Variables: BUILD ROOT TMP PORT (8080) FLIP SERVER LOAD; set by the helpers: FLIP_PID SERVER_PID
# OUTPUT (of the last flip command) TALLY and LOAD_FAILED (of the last load).
set -u

NAME=$(basename "$0" .sh)
NAME=${NAME#test_}
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$(cd "${BUILD:-$ROOT/build}" && pwd) || { echo "not ok - $NAME: no build directory"; exit 1; }

if [ -z "${FLIP_TEST_OUTER_NET:-}" ]; then
	FLIP_TEST_OUTER_NET=$(readlink /proc/self/ns/net)
	export FLIP_TEST_OUTER_NET BUILD
	unshare_flags=-n
	[ "$(id -u)" = 0 ] || unshare_flags=-rn
	exec unshare "$unshare_flags" "$BASH" "$0" "$@"
fi
if [ "$(readlink /proc/self/ns/net)" = "$FLIP_TEST_OUTER_NET" ] || ! ip link set lo up; then
	echo "not ok - $NAME: cannot have a network namespace of its own"
	exit 1
fi

# Most tests want to see the old generation go: without a time in which it might come back.
export FLIP_PROBATION=${FLIP_PROBATION-0}

FLIP=$BUILD/launcher/flip
LIBRARY=$BUILD/shim/libflip.so
SERVER=$BUILD/tests/servers/server
LOAD=$BUILD/tests/bench/load
PORT=8080
FLIP_PID='' SERVER_PID='' LOAD_PID='' OUTPUT='' TALLY='' LOAD_FAILED='' verdict=''
TMP=$(mktemp -d "${TMPDIR:-/tmp}/flip-$NAME.XXXXXX")
PATIENCE=${PATIENCE:-5}
mkfifo "$TMP/never"	# nobody ever writes to it

# --- verdicts -----------------------------------------------------------------------------------

# Print the pids of all processes of this test, the script and its subshells apart: whatever else is
# in this namespace was started by this script.
processes() {
	"$BUILD/tests/bench/processes" $$
}

# How many there are; no pipe, for what counts would be counted.
process_count() {
	local -a pids
	pids=($(processes))
	echo "${#pids[@]}"
}

# is_running PID: it exists, and is no zombie that only waits to be waited for. Of a process with
# threads the first one may be a zombie while others, on their way out, still have its listener.
is_running() {
	local line
	local -a threads
	read -r line 2>/dev/null <"/proc/$1/stat" || return 1
	[[ ${line##*) } == Z* ]] || return 0
	threads=("/proc/$1/task/"*)
	[ ${#threads[@]} -gt 1 ]
}

# The verdict is printed last of all, when nothing is left that could write after it.
cleanup() {
	local code=$? pid
	trap - EXIT
	exec 2>/dev/null
	if [ -z "$verdict" ]; then
		show_logs
		verdict="not ok - $NAME: ended without a verdict (exit code $code)"
		code=1
	fi
	for pid in $(processes); do
		kill -KILL "$pid"
	done
	[ -z "${DISK:-}" ] || umount -l "$DISK" # a file system of the script's own
	rm -rf "$TMP"
	echo "$verdict"
	exit "$code"
}
trap cleanup EXIT
trap 'fail "told to end: time is up?"' TERM INT

show_logs() {
	local file pid
	for file in "$TMP"/*.log; do
		[ -s "$file" ] || continue
		echo "--- ${file##*/} (last 60 lines)"
		tail -n 60 "$file" | cut -c 1-600
	done
	echo "--- processes"
	for pid in $(processes); do
		echo "$pid $(tr '\0' ' ' <"/proc/$pid/cmdline")"
	done
}

# fail REASON: show what was seen, and end the script.
fail() {
	show_logs
	verdict="not ok - $NAME: ${*//$'\n'/; }"
	# In a subshell exit ends only that: the file makes sure that nobody passes afterwards.
	echo "$verdict" >>"$TMP/failed"
	exit 1
}

pass() {
	if [ -e "$TMP/failed" ]; then
		verdict=$(head -n 1 "$TMP/failed")
		exit 1
	fi
	verdict="ok - $NAME"
	exit 0
}

# expect_eq WANTED GOT [WHAT]
expect_eq() {
	[ "$1" = "$2" ] || fail "${3:-value}: wanted '$1', got '$2'"
}

# expect_match EXTENDED_REGEX TEXT [WHAT]
expect_match() {
	[[ $2 =~ $1 ]] || fail "${3:-text}: wanted a match of '$1', got '$2'"
}

# wait_for SECONDS COMMAND...: until the command succeeds; fails if it does not in time. The time is that of
# a machine with nothing else to do, and PATIENCE how many times slower this one may be.
wait_for() {
	local seconds=$(($1 * PATIENCE)) end
	shift
	end=$((SECONDS + seconds))
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -le "$end" ] || fail "not within $seconds s: $*"
		pause
	done
}

# Some 10 ms, without a process for it.
pause() {
	read -r -t 0.01 <>"$TMP/never" || true
}

now_ms() {
	local now=${EPOCHREALTIME/[.,]/}
	echo "${now%???}"
}

# not COMMAND...: for wait_for.
not() {
	! "$@"
}

# log_has EXTENDED_REGEX: in what flip and the servers under it wrote.
log_has() {
	grep -Eq -- "$1" "$TMP/flip.log"
}

# expect_no_settle_time [WHAT]: each generation was seen to wait on all its listeners.
expect_no_settle_time() {
	log_has 'taken for ready' && fail "${1:+$1: }readiness was not seen: $(grep 'taken for ready' "$TMP/flip.log")"
	return 0
}

# --- servers ------------------------------------------------------------------------------------

# Put CMD into the array 'command'. The word 'server' stands for the test server, which then
# listens on PORT of 127.0.0.1 unless CMD names an address.
command_resolve() {
	command=("$@")
	[ "$1" = server ] || return 0
	command[0]=$SERVER
	case " $* " in
	*' --listen='*) ;;
	*) command+=("--listen=$(target)") ;;
	esac
}

# The address that the test server listens on: PORT may be unix:PATH as well.
target() {
	case $PORT in
	unix:*) echo "$PORT" ;;
	*) echo "127.0.0.1:$PORT" ;;
	esac
}

# launch LOG COMMAND...: in the background; LAUNCHED_PID is its pid. A shell without job control
# ignores SIGINT and SIGQUIT for such a process, and nohup SIGHUP, which is not what a server finds at
# a terminal or under init.
launch() {
	local log=$1
	shift
	env --default-signal=HUP,INT,QUIT "$@" >>"$log" 2>&1 </dev/null &
	LAUNCHED_PID=$!
	[ -n "${KEEP_JOB:-}" ] || disown "$LAUNCHED_PID" 2>/dev/null
}

# expect_exit CODE PID: a program launched with KEEP_JOB=1 ends within ten seconds, with this code.
expect_exit() {
	local code
	wait_for 10 not is_running "$2"
	wait "$2" 2>/dev/null
	code=$?
	expect_eq "$1" "$code" "exit code"
}

# wait_answer PID: until PORT answers; fails at once if the process is gone.
wait_answer() {
	wait_for 10 answers_or_is_gone "$1"
	is_running "$1" || fail "the program ended instead of answering on $PORT"
}

answers_or_is_gone() {
	ask "$PORT" || ! is_running "$1"
}

# start_flip [FLIP OPTIONS] -- CMD: flip run in the background, until PORT answers.
start_flip() {
	local flip_options=() command
	while [ "$1" != -- ]; do
		flip_options+=("$1")
		shift
	done
	shift
	command_resolve "$@"
	launch "$TMP/flip.log" "$FLIP" run "${flip_options[@]}" -- "${command[@]}"
	FLIP_PID=$LAUNCHED_PID
	wait_answer "$FLIP_PID"
}

# start_bare_preload CMD: the face without a launcher; FLIP_PID is the server itself.
start_bare_preload() {
	local command
	command_resolve "$@"
	launch "$TMP/flip.log" \
		LD_PRELOAD="${FLIP_TEST_PRELOAD:+$FLIP_TEST_PRELOAD:}$LIBRARY" "${command[@]}"
	FLIP_PID=$LAUNCHED_PID
	wait_answer "$FLIP_PID"
}

# start_server CMD: without flip; sets SERVER_PID. stop_server: ends it.
start_server() {
	local command
	command_resolve "$@"
	launch "$TMP/server.log" "${command[@]}"
	SERVER_PID=$LAUNCHED_PID
	wait_answer "$SERVER_PID"
}

stop_server() {
	kill -TERM "$SERVER_PID"
	wait_for 10 not is_running "$SERVER_PID"
}

# serve CMD: in the face FACE, 'run' or 'bare'; options are FLIP_ variables. Sets SUPERVISOR_PID.
serve() {
	if [ "${FACE:-run}" = bare ]; then
		start_bare_preload "$@"
	else
		start_flip -- "$@"
	fi
	wait_until_serving
}

# launch_in_face COMMAND...: in the face FACE, but nobody asks whether it answers. Sets FLIP_PID.
launch_in_face() {
	if [ "${FACE:-run}" = bare ]; then
		launch "$TMP/flip.log" LD_PRELOAD="$LIBRARY" "$@"
	else
		launch "$TMP/flip.log" "$FLIP" run -- "$@"
	fi
	FLIP_PID=$LAUNCHED_PID
}

# Sets SUPERVISOR_PID.
wait_until_serving() {
	wait_for 10 status_has ': serving,'
	SUPERVISOR_PID=$(sed -n 's/.*supervisor (pid \([0-9]*\)).*/\1/p' <<<"$OUTPUT")
}

# has_queued N: at least so many clients wait in the queue of the listener.
has_queued() {
	[ "$(ss -Htln "( sport = :$PORT )" | awk '{ print $2 }')" -ge "$1" ]
}

# in_both_faces FUNCTION...: once with FACE=run and once with FACE=bare, from a clean slate.
in_both_faces() {
	for FACE in run bare; do
		echo "# face: $FACE"
		"$@"
		end_all
	done
}

# Kill whatever this script started.
end_all() {
	wait_for 10 all_killed
	cat "$TMP/flip.log" >>"$TMP/flip-before.log"
	rm -f "$TMP/flip.log"
}

# A listener that lay unread in a channel is closed a moment after the process.
all_killed() {
	local pid
	for pid in $(processes); do
		kill -KILL "$pid" 2>/dev/null
	done
	[ -z "$(processes)" ] && [ -z "$(awk '$4 == "0A"' /proc/net/tcp /proc/net/tcp6)" ]
}

# status_has EXTENDED_REGEX [NAME|PID]: flip status says so, in one of its lines.
status_has() {
	flip status "${@:2}" && output_has "$1"
}

# None but the current generation exists.
old_are_gone() {
	flip status && ! output_has '^generation .*(starting|retiring|draining|leaving|stopping)'
}

# generation_pid N: the pid of a generation, as OUTPUT has it.
generation_pid() {
	sed -n "s/^generation $1 (pid \([0-9]*\)).*/\1/p" <<<"$OUTPUT"
}

# output_has EXTENDED_REGEX: a line of OUTPUT does.
output_has() {
	local line
	while IFS= read -r line; do
		[[ ! $line =~ $1 ]] || return 0
	done <<<"$OUTPUT"
	return 1
}

# tag_set TAG: what the next version says, if the server was given --tag-file=$TMP/tag.
tag_set() {
	echo "$1" >"$TMP/tag.new"
	mv "$TMP/tag.new" "$TMP/tag"
}

# behave [WORDS]: of the next version, if the server was given --behaviour-file=$TMP/behaviour.
behave() {
	echo "$*" >"$TMP/behaviour.new"
	mv "$TMP/behaviour.new" "$TMP/behaviour"
}

# start_is_held [OPTION]: the next version initialises until start_goes_on.
start_is_held() {
	touch "$TMP/init"
	behave "${1:---init-while}=$TMP/init"
}

start_goes_on() {
	rm "$TMP/init"
}

# serve_versions CMD: serve, with a tag file (v1) and a behaviour file (empty).
serve_versions() {
	tag_set v1
	behave
	serve "$@" --tag-file="$TMP/tag" --behaviour-file="$TMP/behaviour"
}

# flip ARGS: run a flip command to its end; OUTPUT is all that it said. Returns its exit code.
flip() {
	local code
	OUTPUT=$("$FLIP" "$@" 2>&1)
	code=$?
	printf '$ flip %s\n%s\n(exit code %d)\n' "$*" "$OUTPUT" "$code" >>"$TMP/commands.log"
	return "$code"
}

# restart [ARGS]: must succeed. restart_refused REGEX [ARGS]: must fail, and say so.
restart() {
	flip restart "${@:-$FLIP_PID}" || fail "flip restart: $OUTPUT"
}

restart_refused() {
	local regex=$1
	shift
	if flip restart "${@:-$FLIP_PID}"; then
		fail "flip restart should have failed: $OUTPUT"
	fi
	expect_match "$regex" "$OUTPUT" "refusal"
}

# restart_to TAG...: to one version after the other, each alone in the end.
restart_to() {
	local version
	for version in "$@"; do
		tag_set "$version"
		restart "$SUPERVISOR_PID"
		expect_eq "$version" "$(tag_now)" "who answers"
		wait_for 10 old_are_gone
	done
}

# restart_by_signal [PID]: SIGHUP, until another process answers.
restart_by_signal() {
	local before
	before=$(pid_now)
	kill -HUP "${1:-$FLIP_PID}" || fail "cannot signal ${1:-$FLIP_PID}"
	wait_for 10 answers_another_than "$before"
}

answers_another_than() {
	local pid
	pid=$(pid_now) && [ -n "$pid" ] && [ "$pid" != "$1" ]
}

# ask [PORT|ADDR:PORT [TEXT]]: print the answer, "TAG PID TEXT". tag_now, pid_now: a word of it.
ask() {
	local to=${1:-$PORT}
	case $to in
	*:*) ;;
	*) to=127.0.0.1:$to ;;
	esac
	"$BUILD/tests/bench/ask" "$to" "${2:-hello}" 2>>"$TMP/ask.log"
}

tag_now() {
	local answer
	answer=$(ask "$@")
	echo "${answer%% *}"
}

pid_now() {
	local answer
	answer=$(ask "$@")
	answer=${answer#* }
	echo "${answer%% *}"
}

# expect_answers N WHO [WHAT]: each of N requests, one after the other, is answered by who matches
# TAG:PID.
expect_answers() {
	local tally
	# The server may keep a connection open: the client hangs up.
	tally=$("$LOAD" --to="$(target)" --requests="$1" --request='hello\n' --until='\n' --hang-up \
		--expect='([^ ]+) ([0-9]+) ' 2>>"$TMP/ask.log")
	expect_match " ok=$1 .* failed=0 by=($2=[0-9]+,?)+ " "$tally" "${3:-who answers}"
}

# --- load ---------------------------------------------------------------------------------------

# load_start [LOAD OPTIONS]: in the background, to PORT unless --to is given, until load_end.
# Returns when the first answer has come. It yields to all others: several tests share the processors.
load_start() {
	local to=(--to="$(target)")
	case " $* " in
	*' --to='*) to=() ;;
	esac
	rm -f "$TMP"/load.{stop,answers,log}
	launch "$TMP/load.log" nice -n 5 "$LOAD" "${to[@]}" --clients=4 --stop-file="$TMP/load.stop" \
		--answers-file="$TMP/load.answers" "$@"
	LOAD_PID=$LAUNCHED_PID
	wait_for 10 test -s "$TMP/load.answers"
}

# load_meets TAG: until it has had an answer of this version. It may have none for as long as it gets
# no processor, though others had one.
load_meets() {
	wait_for 10 grep -qs "^$1 " "$TMP/load.answers"
}

# load_stop: end it; TALLY and LOAD_FAILED tell what it saw.
load_stop() {
	touch "$TMP/load.stop"
	wait_for 20 not is_running "$LOAD_PID"
	TALLY=$(grep '^sent=' "$TMP/load.log" | tail -n 1)
	LOAD_FAILED=$(load_field failed)
	[ -n "$LOAD_FAILED" ] || fail "the load client gave no tally"
}

# load_end: end it; no request may have failed.
load_end() {
	load_stop
	echo "$TALLY" | cut -c 1-400
	expect_eq 0 "$LOAD_FAILED" "failed requests"
	[ "$(load_field ok)" -gt 0 ] || fail "the load client got no answer at all"
}

# load_field NAME: a figure of the tally, such as ok, refused or p99_us.
load_field() {
	tr ' ' '\n' <<<"$TALLY" | sed -n "s/^$1=//p"
}

# load_answers TAG: how many answers had this tag. load_responders: how many processes answered.
load_answers() {
	load_field by | tr ',' '\n' |
		awk -F '[:=]' -v tag="$1" '$1 == tag { sum += $3 } END { print sum + 0 }'
}

load_responders() {
	load_field by | tr ',' '\n' | grep -c .
}

# control_without_flip [FUNCTION [SERVER ARGS]]: the negative control. FUNCTION is run while a bare
# test server is under load, and must lose requests, or else this script could not have seen any
# loss.
control_without_flip() {
	local function=${1:-control_stop_start} PORT=${CONTROL_PORT:-8099}
	shift "$(($# > 0 ? 1 : 0))"
	control_command=(server "$@")
	start_server "${control_command[@]}"
	load_start
	"$function"
	load_stop
	stop_server
	[ "$LOAD_FAILED" -gt 0 ] || fail "the control without flip lost nothing: $TALLY"
	echo "control without flip: $LOAD_FAILED of $(load_field sent) failed"
	rm -f "$TMP/load.log"	# its failures are none of the test's
}

# load_meets_nobody: until it has lost a request. It may get no processor in so short a gap as a control has.
load_meets_nobody() {
	wait_for 5 grep -qs '^load: ' "$TMP/load.log"
}

control_stop_start() {
	stop_server
	load_meets_nobody
	start_server "${control_command[@]}"
}

# --- what many scripts do -----------------------------------------------------------------------

# Where the restart and stop signals go: to flip run, or in the bare face to the server.
signal_target() {
	if [ "${FACE:-run}" = bare ]; then pid_now; else echo "$FLIP_PID"; fi
}

# hold N: a connection that stays open as descriptor N, asked once. hold_ask N: ask it again; the
# answer is in ANSWER ('' if there was none). hold_end N: close it.
hold() {
	eval "exec $1<>/dev/tcp/127.0.0.1/${2:-$PORT}" || fail "cannot connect to ${2:-$PORT}"
	hold_ask "$1"
	[ -n "$ANSWER" ] || fail "a new connection got no answer"
}

hold_ask() {
	ANSWER=''
	printf 'held\n' >&"$1" 2>/dev/null && read -r -t 5 -u "$1" ANSWER
}

hold_end() {
	eval "exec $1>&-"
}

# descriptors PID: how many it has open.
descriptors() {
	ls "/proc/$1/fd" | wc -l
}

# descriptors_at_rest PID: the same, once two looks agree: of a supervisor that was just asked something, the
# connection may be open yet for a moment.
descriptors_at_rest() {
	local last now
	last=$(descriptors "$1")
	for _ in {1..50}; do
		sleep 0.05
		now=$(descriptors "$1")
		[ "$now" != "$last" ] || break
		last=$now
	done
	echo "$now"
}

# upgrade_fails REGEX: under load a restart must fail and say REGEX; the old one must serve on and
# nothing be left over; and after REPAIR (a function) the next one must work at once.
upgrade_fails() {
	local before processes_before descriptors_before
	before=$(pid_now)
	processes_before=$(processes)
	descriptors_before=$(descriptors_at_rest "$SUPERVISOR_PID")
	load_start --pause-ms=1
	tag_set v2
	restart_refused "$1" "$SUPERVISOR_PID"
	expect_match 'generation 1 serves on$' "$OUTPUT" "last line"
	expect_eq "$before" "$(pid_now)" "who serves after the failure"
	expect_eq v1 "$(tag_now)" "version after the failure"
	load_end
	expect_eq 0 "$(load_answers v2)" "answers of the failed version"
	wait_for 5 processes_are "$processes_before"
	wait_for 5 descriptors_are "$SUPERVISOR_PID" "$descriptors_before"
	"${REPAIR:-behave}"
	load_start --pause-ms=1
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	load_end
}

processes_are() {
	[ "$(processes)" = "$1" ]
}

descriptors_are() {
	[ "$(descriptors "$1")" = "$2" ]
}

tag_is() {
	local answer
	answer=$(ask) && [ "${answer%% *}" = "$1" ]
}

# restart_thrice SERVER OPTIONS: in FACE, under load; each version answers at once, the one before it
# ends, and when the service is stopped nothing is left. For any family of processes.
restart_thrice() {
	local version
	serve_versions server --strict "$@"
	load_start
	for version in v2 v3 v4; do
		restart_to $version
		load_meets $version
	done
	load_stop
	echo "$*: $TALLY" | cut -c 1-200
	expect_eq 0 "$LOAD_FAILED" "$*: failed requests"
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 10 processes_are ''
}

# session_outlasts_restart SERVER OPTIONS: in FACE; an open connection goes on, wherever its process
# may be, its generation drains so long, and the first process of that is there to the end.
session_outlasts_restart() {
	local master answers
	serve_versions server --strict --keepalive "$@"
	status_has '^generation 1 \(pid ([0-9]+)\)'
	master=$(generation_pid 1)
	hold 7
	answers=$ANSWER
	tag_set v2
	restart "$SUPERVISOR_PID"
	expect_match 'generation 1 draining 1 connection$' "$OUTPUT" "$*"
	for _ in 1 2 3 4 5; do
		expect_eq v2 "$(tag_now)" "$*: new connection"
		hold_ask 7
		expect_eq "$answers" "$ANSWER" "$*: open connection"
		is_running "$master" || fail "$*: the old server has left its session alone"
	done
	status_has '^generation 1 .*draining, 1 connection' || fail "$*: status: $OUTPUT"
	hold_end 7
	wait_for 10 old_are_gone
	wait_for 10 not is_running "$master"
}

# daemons_answer: from now on the program that is started ends before the server answers.
daemons_answer() {
	wait_answer() {
		wait_for 10 ask "$PORT"
	}
}

# restart_every_way SERVER OPTIONS: each way to wait, two restarts each under load. MODES: which.
MODES_ALL='accept accept4 epoll epoll-blocking epoll-et epoll-exclusive epoll-many epoll-nested
epoll-pwait epoll-pwait2 poll poll-blocking poll-elsewhere poll-nested ppoll pselect select select-blocking
select-nested thread threads'

restart_every_way() {
	local mode to=${LOAD_TO:---to=$(target)}
	for mode in ${MODES:-$MODES_ALL}; do
		serve_versions server --wait="$mode" --strict "$@"
		load_start $to
		tag_set v2
		restart
		tag_set v3
		restart
		wait_for 5 tag_is v3
		load_meets v3
		load_stop
		echo "$mode: $TALLY" | cut -c 1-200
		expect_eq 0 "$LOAD_FAILED" "$mode: failed requests"
		end_all
	done
}
