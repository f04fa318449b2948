#!/bin/bash
# A listener that the new version does not want any more is gone once the old one has let go, those
# who connected before are served; one that it adds works.
. "$(dirname "$0")/lib.sh"

changes() {
	tag_set v1
	behave --listen=127.0.0.1:8081
	serve server --wait="$1" --listen="127.0.0.1:$PORT" --tag-file="$TMP/tag" \
		--behaviour-file="$TMP/behaviour"
	expect_match '^v1 ' "$(ask 8081)"
	load_start --pause-ms=1
	tag_set v2
	behave --listen=127.0.0.1:8082
	restart "$SUPERVISOR_PID"
	log_has 'generation 2 was quiet for 1000 ms, with 1 listener not asked for; taken for ready' ||
		fail "generation 2 is ready without that being told"
	expect_match '^v2 ' "$(ask 8082)" "the added listener"
	wait_for 5 old_are_gone
	ask 8081 && fail "the dropped listener answers"
	ss -Htln | grep -q ':8081 ' && fail "the dropped listener listens"
	status_has '^listener 127.0.0.1:8082' || fail "status: $OUTPUT"
	status_has '^listener 127.0.0.1:8081' && fail "status: $OUTPUT"
	behave --listen=127.0.0.1:8081
	restart "$SUPERVISOR_PID"
	load_end
	expect_match '^v2 ' "$(ask 8081)" "the listener that came back"
}

in_both_faces changes epoll
in_both_faces changes accept
pass
