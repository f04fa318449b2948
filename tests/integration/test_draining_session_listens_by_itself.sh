#!/bin/bash
# A session that opens a listener of its own now and then, always on the same port (FTP's passive mode),
# does so while its generation drains, too: that listener is its own, and works.
. "$(dirname "$0")/lib.sh"

# Who answers on the port that the session in descriptor 7 opens.
data_of_session() {
	local word
	printf 'open\n' >&7
	read -r -t 5 word _ <&7 || fail "the session does not open its listener"
	read -r -t 5 word <"/dev/tcp/127.0.0.1/$((PORT + 5))" || fail "nobody answers there"
	# It closes its listener after that, and the next session may be another process's.
	wait_for 5 has_no_listener
	echo "$word"
}

has_no_listener() {
	[ -z "$(ss -Htln "( sport = :$((PORT + 5)) )")" ]
}

# An answer takes more than one line here: that it listens is enough.
wait_answer() {
	wait_for 10 listens
}

listens() {
	(exec 9<>"/dev/tcp/127.0.0.1/$PORT")
}

tag_set v1
serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" passive "$PORT" "$TMP/tag"
exec 7<>"/dev/tcp/127.0.0.1/$PORT"
expect_eq v1 "$(data_of_session)" "data before the restart"
tag_set v2
restart "$SUPERVISOR_PID"
for _ in 1 2 3; do
	expect_eq v1 "$(data_of_session)" "data of the session that outlasts it"
done
exec 7<>"/dev/tcp/127.0.0.1/$PORT"
expect_eq v2 "$(data_of_session)" "data of a new session"
wait_for 10 old_are_gone
pass
