#!/bin/bash
# A daemon (nginx, which overwrites its environment) whose first process ends as soon as it has been heard: here flip
# gets no processor before the process in the background has done all it does. That one is the service's.
. "$(dirname "$0")/lib.sh"

chrt -f 1 true 2>/dev/null || { echo "there is no real-time priority here"; pass; }
mkdir "$TMP/logs"
cat >"$TMP/nginx.conf" <<END2
pid $TMP/nginx.pid;
error_log $TMP/logs/error.log;
worker_processes 2;
events {}
http { access_log off; server { listen 127.0.0.1:$PORT; return 200 "v1\n"; } }
END2

background_answers() {
	[ "$(curl -s -m 2 "http://127.0.0.1:$PORT/")" = v1 ]
}

for _ in 1 2 3; do
	launch "$TMP/flip.log" taskset -c "$(taskset -pc $$ | sed 's/.*[ ,-]//')" "$FLIP" run -- \
		chrt -f 1 nginx -c "$TMP/nginx.conf"
	FLIP_PID=$LAUNCHED_PID
	wait_for 10 background_answers
	wait_for 10 status_has ' serving'
	flip restart "$FLIP_PID" || fail "flip restart: $OUTPUT"
	background_answers || fail "nobody answers"
	flip stop "$FLIP_PID" || fail "flip stop: $OUTPUT"
	not background_answers || fail "a server was left"
	wait_for 10 not is_running "$FLIP_PID"
done
pass
