#!/bin/bash
# In place, a program of which it is known that it cannot be run costs nothing either: the old one has not ended yet.
. "$(dirname "$0")/lib.sh"

mkdir "$TMP/here"
cd "$TMP/here" || fail "no directory"
cp "$SERVER" good
cp good server
start_flip --in-place -- ./server --wait=epoll --listen="127.0.0.1:$PORT"
pid=$(pid_now)

# refuses REGEX: what lies there now.
refuses() {
	load_start --pause-ms=1
	restart_refused "$1; generation 1 serves on\$"
	load_end
	expect_eq "$pid" "$(pid_now)"
	cd "$TMP" && mkdir -p here && cd here || fail "no directory"
	rm -rf server
	cp "$SERVER" server
}

rm server
refuses "'./server' cannot be run: No such file or directory"
chmod -x server
refuses "'./server' cannot be run: Permission denied"
printf '#!/none\n' >"$TMP/script"
chmod +x "$TMP/script"
mv "$TMP/script" server
refuses "interpreter '/none' cannot be run: No such file or directory"
rm server
mkdir server
refuses 'is a directory, not a program'
rm -r "$TMP/here"
refuses 'cannot change to the directory .*here: No such file or directory'
restart
[ "$(pid_now)" != "$pid" ] || fail "the old one answers"
pass
