#!/bin/bash
# When the user of the service may have no more processes (RLIMIT_NPROC) a restart fails with the reason and
# the old generation serves on; in place, and with a check, too; and the next restart works as soon as there
# is room.
. "$(dirname "$0")/lib.sh"

# The kernel counts the processes of a user, in all of the machine, those that have just ended as well: one
# that nobody has, and another one each time.
USER_ID=$((1000000000 + $$ * 10))
chmod 755 "$TMP"
# That one may not look into the directory of the build, if it is in /root.
cd "$TMP" || fail "cannot change to $TMP"
mkdir "$TMP/launcher" "$TMP/shim"
cp "$LIBRARY" "$TMP/shim"
cp "$FLIP" "$TMP/launcher"
cp "$SERVER" "$TMP"
FLIP=$TMP/launcher/flip SERVER=$TMP/server

start_as_user() {
	local command
	user=(setpriv --reuid="$((++USER_ID))" --clear-groups --inh-caps=-all)
	command_resolve "$@" --tag-file="$TMP/tag" --behaviour-file="$TMP/behaviour"
	tag_set v1
	behave
	launch "$TMP/flip.log" "${user[@]}" \
		"$FLIP" run "${flip_options[@]}" -- "${command[@]}"
	FLIP_PID=$LAUNCHED_PID
	wait_answer "$FLIP_PID"
	wait_for 10 status_has ': serving,'
}

limit() {
	"${user[@]}" prlimit --pid "$FLIP_PID" --nproc="$1:" || fail "cannot limit the processes"
}

# refuses REASON SERVER ARGS: nobody is there but the two afterwards, and nothing of theirs.
refuses() {
	local reason=$1 descriptors_before
	shift
	start_as_user "$@"
	limit 2
	descriptors_before=$(descriptors_at_rest "$FLIP_PID")
	load_start --pause-ms=1
	tag_set v2
	for _ in 1 2 3; do
		restart_refused "^(.*"$'\n'")?$reason" "$FLIP_PID"
		expect_match 'generation 1 serves on$' "$OUTPUT" "last line"
		flip status "$FLIP_PID" || fail "status: $OUTPUT"
		expect_match "last: $reason" "$OUTPUT" "status"
	done
	log_has "^flip\[$FLIP_PID\]: $reason" || fail "the log does not say why"
	expect_eq v1 "$(tag_now)" "who serves"
	wait_for 5 descriptors_are "$FLIP_PID" "$descriptors_before"
	limit 100
	restart
	wait_for 5 tag_is v2
	wait_for 10 old_are_gone
	load_end
	end_all
}

# There is room for the new generation, but not for its check beside it: the old one comes back.
rolls_back() {
	start_as_user server --wait=epoll
	limit 3
	load_start --pause-ms=1
	tag_set v2
	for _ in 1 2 3; do
		restart_refused "cannot run check 'true': Resource temporarily unavailable; generation 1 serves again" \
			"$FLIP_PID"
		expect_eq v1 "$(tag_now)" "who serves"
		wait_for 10 old_are_gone
	done
	limit 100
	restart
	wait_for 5 tag_is v2
	wait_for 10 old_are_gone
	load_end
	end_all
}

# Nobody serves meanwhile, but nobody is refused, and it is tried again until there is room.
waits_in_place() {
	start_as_user server --wait=epoll
	limit 1	# the old one ends: its place must not be enough
	load_start
	tag_set v2
	restart_refused 'Resource temporarily unavailable; nobody serves, clients wait' "$FLIP_PID"
	limit 100
	wait_for 10 tag_is v2
	load_end
	end_all
}

control_without_flip
flip_options=()
refuses "cannot run $SERVER: Resource temporarily unavailable" server --wait=epoll
flip_options=(--precheck=true)
refuses "cannot run precheck 'true': Resource temporarily unavailable" server --wait=epoll
flip_options=(--check=true)
rolls_back
flip_options=(--in-place)
waits_in_place
pass
