#!/bin/bash
# A server that accepts until EAGAIN has open connections to look after. Whatever a new version believes of the
# socket that they share, and leaves behind when it fails, the old one hears EAGAIN, also in other programs.
. "$(dirname "$0")/lib.sh"

# The old server answers in the connections that it has, as soon as it has been told of one more client.
is_awake() {
	local tag
	expect_eq "$1" "$(tag_now)" "$2: who answers"
	for fd in 7 8 9; do
		printf 'hello\n' >&$fd
		read -r -t 3 tag _ <&$fd || fail "$2: no answer in an open connection"
		expect_eq v1 "$tag" "$2: who answers in an open connection"
	done
}

starts() {
	tag_set v1
	serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" never_blocks "$PORT" "$TMP/tag" "$1"
	exec 7<>"/dev/tcp/127.0.0.1/$PORT" 8<>"/dev/tcp/127.0.0.1/$PORT" 9<>"/dev/tcp/127.0.0.1/$PORT"
	is_awake v1 "$1, before"
}

fails_and_succeeds() {
	starts "$1"
	for n in 1 2; do
		tag_set fails
		restart_refused 'generation 1 serves on' "$SUPERVISOR_PID"
		is_awake v1 "$1, after $n failures"
	done
	tag_set v2
	restart "$SUPERVISOR_PID"
	is_awake v2 "$1, over a restart"
	end_all
}

comes_back() {
	rm -f "$TMP/tag."*
	export FLIP_PROBATION=20s
	starts "$1"
	tag_set blocks
	restart "$SUPERVISOR_PID"
	wait_for 10 tag_is v1
	case $1 in
	fcntl | ioctl) expect_eq set "$(cat "$TMP/tag.set")" "O_NONBLOCK, which versions share" ;;
	esac
	for n in 1 2 3 4 5 6; do
		is_awake v1 "$1, when it came back"
	done
	export FLIP_PROBATION=0
	end_all
}

for face in run bare; do
	for which in itself workers; do
		FACE=$face fails_and_succeeds "$which"
		FACE=$face comes_back "$which"
	done
	for which in fcntl ioctl; do
		FACE=$face comes_back "$which"
	done
done
pass
