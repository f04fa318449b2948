#!/bin/bash
# A program that is not there, or may not be executed, at the restart.
. "$(dirname "$0")/lib.sh"

REPAIR=put_back
put_back() {
	cp "$SERVER" "$TMP/new" && mv "$TMP/new" "$TMP/server"
}

fails_removed() {
	put_back
	serve_versions "$TMP/server" --listen="127.0.0.1:$PORT"
	rm "$TMP/server"
	upgrade_fails "cannot run $TMP/server: No such file or directory"
}

fails_not_executable() {
	put_back
	serve_versions "$TMP/server" --listen="127.0.0.1:$PORT"
	cp "$SERVER" "$TMP/new" && chmod -x "$TMP/new" && mv "$TMP/new" "$TMP/server"
	upgrade_fails "cannot run $TMP/server: Permission denied"
}

fails_damaged() {
	put_back
	serve_versions "$TMP/server" --listen="127.0.0.1:$PORT"
	printf '\177ELFgarbage' >"$TMP/new" && chmod +x "$TMP/new" && mv "$TMP/new" "$TMP/server"
	upgrade_fails "generation 2.* before it was ready|cannot run $TMP/server: Exec format error"
}

in_both_faces fails_removed
in_both_faces fails_not_executable
in_both_faces fails_damaged
pass
