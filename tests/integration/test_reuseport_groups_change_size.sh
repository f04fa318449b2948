#!/bin/bash
# SO_REUSEPORT: several sockets on one address, a thread for each. The next version has as many, more
# or fewer of them, or one alone: no client is lost, also if it fails with more.
. "$(dirname "$0")/groups.sh"
. "$(dirname "$0")/datagrams.sh"

streams() {
	tag_set v1
	group 4
	serve server --wait="$1" --tag-file="$TMP/tag" --behaviour-file="$TMP/behaviour"
	load_start --clients=8
	version=1
	for size in 4 6 2 1 3; do
		group "$size" --exit-at-start=1 --at=listen
		restart_refused 'exited with status 1' "$SUPERVISOR_PID"
		group "$size"
		version=$((version + 1))
		tag_set "v$version"
		restart "$SUPERVISOR_PID"
		wait_for 5 tag_is "v$version"
		load_meets "v$version"
	done
	load_end
	! may_steer || expect_nobody_waited
	wait_for 10 old_are_gone
	wait_for 5 setting_is 0
	end_all
}

# The version that the group shrinks with dies on probation: the larger group is back, and all of it.
comes_back() {
	tag_set v1
	group 4
	serve server --wait="$1" --tag-file="$TMP/tag" --behaviour-file="$TMP/behaviour"
	load_start --clients=8
	group 2
	tag_set v2
	restart "$SUPERVISOR_PID"
	kill -KILL "$(pid_now)"
	wait_for 5 tag_is v1
	load_stop
	echo "$TALLY" | cut -c 1-200
	expect_eq 0 "$(load_field refused)" "refused"
	[ "$LOAD_FAILED" -le 8 ] || fail "more was lost than the dead version had: $TALLY"
	load_start --clients=8
	sleep 0.3
	load_end
	wait_for 5 setting_is 0
	end_all
}

# In place clients wait in the queues of all of them meanwhile.
in_place() {
	local size version=1
	tag_set v1
	group 4
	serve server --wait="$1" --tag-file="$TMP/tag" --behaviour-file="$TMP/behaviour"
	load_start --clients=8
	for size in 2 4 1; do
		group "$size"
		version=$((version + 1))
		tag_set "v$version"
		restart "$SUPERVISOR_PID"
		wait_for 5 tag_is "v$version"
	done
	load_end
	wait_for 5 setting_is 0
	end_all
}

datagrams() {
	FIRST_TAG='v1 4'
	serve_datagrams --wait="$1"
	load_start "${UDP[@]}" --clients=8
	version=1
	for size in 4 6; do
		version=$((version + 1))
		tag_set "v$version $size"
		touch "$TMP/fail"
		restart_refused 'exited with status 1' "$SUPERVISOR_PID"
		rm "$TMP/fail"
		restart "$SUPERVISOR_PID"
		only_new_reads "v$version" 20
	done
	load_end
	end_all
}

control_without_flip
streams epoll-many
FLIP_PROBATION=2s streams accept
FLIP_PROBATION=20s comes_back epoll-many
FACE=run
FLIP_IN_PLACE=1 in_place epoll-many
protect_setting
streams accept
datagrams recv
datagrams epoll
pass
