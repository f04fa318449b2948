#!/bin/bash
# The library alone, and argv[0] is no name of the program: not what it leads to is run, but the program again.
. "$(dirname "$0")/lib.sh"

FACE=bare
# install RELEASE TAG: the test server with another built-in tag.
install() {
	mkdir -p "$TMP/$1"
	sed "0,/\\x00v1\\x00/s//\\x00$2\\x00/" "$SERVER" >"$TMP/new"
	chmod +x "$TMP/new"
	mv "$TMP/new" "$TMP/$1/plain"
}

point_to() {
	ln -s "$1" "$TMP/next" && mv -T "$TMP/next" "$TMP/current"
}

argv0_now() {
	local word
	IFS= read -r -d '' word <"/proc/$(pid_now)/cmdline"
	printf '%s' "$word"
}

# becomes NAME TAG: by a restart, with this argv[0].
becomes() {
	restart "$SUPERVISOR_PID"
	expect_eq "$2" "$(tag_now)" "version after the restart of '$1'"
	expect_eq "$1" "$(argv0_now)" "argv[0] after the restart"
	wait_for 10 old_are_gone
	[ ! -e "$TMP/was-run" ] || fail "the touch of PATH was run"
}

# keeps_program NAME PATH: the release that PATH leads to now is run, replaced or re-pointed.
keeps_program() {
	install one v1
	install two v3
	point_to one
	serve bash -c 'exec -a "$0" "$@"' "$1" "$2" --wait=epoll --listen="127.0.0.1:$PORT"
	expect_eq v1 "$(tag_now)"
	expect_eq "$1" "$(argv0_now)" "argv[0] at the start"
	install one v2
	becomes "$1" v2
	point_to two
	becomes "$1" v3
	end_all
}

# The touch that is first in PATH says so.
mkdir "$TMP/bin"
printf '#!/bin/sh\n: >"%s/was-run"\n' "$TMP" >"$TMP/bin/touch"
chmod +x "$TMP/bin/touch"
cd "$TMP" || fail "cannot enter $TMP"
for name in 'web server' touch "$TMP/bin/touch" /proc/self/exe ''; do
	for path in "$TMP/current/plain" ./current/plain; do
		PATH=$TMP/bin:$PATH keeps_program "$name" "$path"
	done
done

# Executed by a descriptor: of the path that was opened the last one is known, links followed.
install one v1
serve python3 -c 'import os, sys; os.execve(os.open(sys.argv[1], os.O_RDONLY), sys.argv[2:], os.environ)' \
	"$TMP/one/plain" plain --wait=epoll --listen="127.0.0.1:$PORT"
install one v2
becomes plain v2
rm "$TMP/one/plain"
restart_refused "cannot run $TMP/one/plain: No such file or directory" "$SUPERVISOR_PID"
expect_eq v2 "$(tag_now)" "who serves on"
end_all

# A script is executed, and argv[0] is its interpreter; the dynamic loader is, and argv[0] is the program.
printf '#!%s --listen=127.0.0.1:%s\n' "$TMP/current/plain" "$PORT" >"$TMP/script"
chmod +x "$TMP/script"
loader=$(ldd "$FLIP" | grep -o '/[^ ]*/ld-linux[^ ]*')
point_to two
for command in "exec -a ignored $TMP/script" "exec $loader $TMP/current/plain --listen=127.0.0.1:$PORT" \
	"exec $loader --argv0 $TMP/current/plain $TMP/current/plain --listen=127.0.0.1:$PORT" \
	"exec $loader --argv0 touch $TMP/current/plain --listen=127.0.0.1:$PORT"; do
	echo "# $command"
	install two v1
	PATH=$TMP/bin:$PATH serve bash -c "$command"
	expect_eq v1 "$(tag_now)"
	install two v2
	case $command in
	*touch*) becomes touch v2 ;;
	*) becomes "$TMP/current/plain" v2 ;;
	esac
	end_all
done
pass
