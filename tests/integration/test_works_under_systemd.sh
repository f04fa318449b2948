#!/bin/bash
# A real systemd, process 1 of namespaces of its own, runs a unit of Type=notify in both faces: it
# learns when the service is ready, what its main process is and how it is, and `systemctl reload`
# under load loses nothing. The control: `systemctl restart` of the same server without flip does.
# Takes long.
. "$(dirname "$0")/lib.sh"

systemd=/lib/systemd/systemd
cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
cgroup=$cgroups$(sed -n 's/^0:://p' /proc/self/cgroup)/flip-test-$$
if [ "$(id -u)" != 0 ] || [ -z "$cgroups" ] || ! mkdir "$cgroup" 2>/dev/null; then
	echo "cannot have a control group here, which systemd needs"
	pass
fi
[ -x "$systemd" ] || fail "there is no $systemd"

# A control group goes only when its last process has.
remove_cgroup() {
	[ -z "$(processes)" ] || all_killed
	find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
	[ ! -e "$cgroup" ]
}
end_systemd() {
	local code=$?
	for _ in {1..100}; do
		remove_cgroup && break
		sleep 0.05
	done
	(exit "$code")
	cleanup
}
trap end_systemd EXIT

cat >"$TMP/boot.sh" <<'END2'
set -e
mount --make-rprivate /
# What a container keeps from its process 1, so that the machine's own stays as it is.
for path in /etc /proc/sys; do
	mount --bind "$path" "$path"
	mount -o remount,ro,bind "$path"
done
mount -t tmpfs tmpfs /run
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cp -r "$1" /run/units
export SYSTEMD_UNIT_PATH=/run/units container=test SYSTEMD_LOG_TARGET=console
exec "$2" --system --unit=default.target --show-status=no
END2

# unit NAME LINES: of [Service].
unit() {
	printf '[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n[Service]\n%s\n' "Type=notify
ExecReload=/bin/kill -HUP \$MAINPID
StandardOutput=append:$TMP/flip.log
StandardError=append:$TMP/flip.log
$2" >"$TMP/units/$1.service"
}

command="$SERVER --wait=epoll --strict --tag-file=$TMP/tag --behaviour-file=$TMP/behaviour"
mkdir "$TMP/units"
printf '[Unit]\nDefaultDependencies=no\n' >"$TMP/units/default.target"
unit run "ExecStart=$FLIP run -- $command
KillSignal=SIGQUIT
KillMode=mixed"
unit plain "ExecStart=$command --notify-ms=0"
unit bare "Environment=LD_PRELOAD=$LIBRARY
ExecStart=$command"

launch "$TMP/systemd.log" sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' - "$cgroup" \
	unshare --pid --fork --kill-child --mount --mount-proc --cgroup --uts --ipc \
	sh "$TMP/boot.sh" "$TMP/units" "$systemd"
unshare=$LAUNCHED_PID

systemctl() {
	local init
	init=$(pgrep -P "$unshare") || return
	OUTPUT=$(nsenter -t "$init" --pid --mount --cgroup --uts --ipc systemctl --no-pager "$@" 2>&1)
}

# property UNIT NAME: OUTPUT is its value.
property() {
	systemctl show --value -p "$2" "$1.service"
}

property_is() {
	property "$1" "$2" && [ "$OUTPUT" = "$3" ]
}

status_matches() {
	property "$1" StatusText && [[ $OUTPUT =~ $2 ]]
}

main_pid() {
	property "$1" MainPID && echo "$OUTPUT"
}

wait_for 20 property_is run ActiveState inactive

# reload UNIT VERSION: until that version answers, and systemd knows that it is over.
reload() {
	tag_set "$2"
	systemctl reload "$1.service" || fail "systemctl reload: $OUTPUT"
	wait_for 10 tag_is "$2"
	wait_for 10 property_is "$1" ActiveState active
	wait_for 10 status_matches "$1" '^generation [0-9]+ \(pid [0-9]+\) serves$'
}

keeps() {
	local unit=$1 main version
	tag_set v1
	behave --init-ms=400
	# It returns when READY=1 has come.
	systemctl start "$unit.service" || fail "systemctl start: $OUTPUT"
	expect_eq v1 "$(tag_now)" "version right after the start"
	behave
	status_matches "$unit" "^generation 1 \(pid $(pid_now)\) serves$" || fail "status: $OUTPUT"
	main=$(main_pid "$unit")
	load_start
	for version in v2 v3 v4; do
		reload "$unit" "$version"
		if [ "$unit" = bare ]; then
			wait_for 5 property_is bare MainPID "$(pid_now)"
		else
			expect_eq "$main" "$(main_pid run)" "main process"
		fi
	done

	behave --exit-at-start=3
	systemctl reload "$unit.service"
	wait_for 10 status_matches "$unit" 'serves; the last restart failed: .* exited with status 3'
	property_is "$unit" ActiveState active || fail "after a failed reload: $OUTPUT"
	expect_eq v4 "$(tag_now)" "version after a failed reload"
	behave
	reload "$unit" v5
	load_meets v5
	load_end
	property_is "$unit" NRestarts 0 || fail "systemd has started it anew: $OUTPUT"
}

stops() {
	systemctl stop "$1.service" || fail "systemctl stop: $OUTPUT"
	property_is "$1" Result success || fail "$1 ended with: $OUTPUT"
	property_is "$1" ActiveState inactive || fail "$1 after its stop: $OUTPUT"
	ask && fail "$1 still answers after its stop"
	rm -f "$TMP/flip.log"
}

FACE=run
keeps run
stops run

FACE=bare
keeps bare
stops bare

systemctl start plain.service || fail "systemctl start: $OUTPUT"
load_start
for _ in 1 2 3 4 5; do
	systemctl restart plain.service || fail "systemctl restart: $OUTPUT"
done
load_stop
[ "$LOAD_FAILED" -gt 0 ] || fail "a stop and start lost nothing: this script could not see a loss"
echo "control without flip: $LOAD_FAILED of $(load_field sent) failed"
rm -f "$TMP/load.log"
pass
