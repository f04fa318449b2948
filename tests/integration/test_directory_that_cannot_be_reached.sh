#!/bin/bash
# A server is started in a directory that its user could not find by its path, as below root's home: it is where it
# is, and so are later generations. flip and its library lie in one directory.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] && setpriv --reuid=65534 --clear-groups true 2>/dev/null ||
	{ echo "cannot be another user here"; pass; }

mkdir -p "$TMP/bin" "$TMP/private/here"
cp "$FLIP" "$LIBRARY" "$SERVER" "$TMP/bin"
echo v1 >"$TMP/private/here/tag"
chmod a+rx "$TMP" "$TMP/bin" "$TMP"/bin/*
chmod 700 "$TMP/private"
FLIP=$TMP/bin/flip LIBRARY=$TMP/bin/libflip.so
user=(setpriv --reuid=65534 --regid=65534 --clear-groups)

restart_as_user() {
	OUTPUT=$("${user[@]}" "$FLIP" restart "$FLIP_PID" 2>&1) || fail "flip restart: $OUTPUT"
}

stays_there() {
	local command=("$TMP/bin/server" --listen="127.0.0.1:$PORT" --tag-file=tag --wait=epoll)
	cd "$TMP/private/here" || fail "no directory"
	echo v1 >tag
	"${user[@]}" test -e "$TMP/private/here" && fail "the directory can be reached"
	if [ "$FACE" = bare ]; then
		launch "$TMP/flip.log" "${user[@]}" env LD_PRELOAD="$LIBRARY" "${command[@]}"
	else
		launch "$TMP/flip.log" "${user[@]}" "$FLIP" run -- "${command[@]}"
	fi
	FLIP_PID=$LAUNCHED_PID
	wait_answer "$FLIP_PID"
	wait_until_serving
	expect_eq v1 "$(tag_now)"
	FLIP_PID=$SUPERVISOR_PID
	load_start --pause-ms=1
	for version in v2 v3; do
		echo "$version" >tag
		restart_as_user
		expect_eq "$version" "$(tag_now)"
	done
	load_end
}

in_both_faces stays_there
pass
