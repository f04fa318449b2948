#!/bin/bash
# A socket filter is the program's: one that a new version has attached to the listener goes with that version, and one
# that the old version has is there again when it comes back, though the new one had no use for that listener.
FLIP_PROBATION=300s
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.py" <<'END2'
import ctypes, os, select, socket, struct, sys, time
port, directory = int(sys.argv[1]), sys.argv[2]
version = open(f"{directory}/version").read().strip()
libc = ctypes.CDLL(None)

def listener(port):
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    made.listen(50)
    return made

def filter_with(made, result):
    program = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, result))
    made.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HxxxxxxP", 1, ctypes.addressof(program)))

def instructions(made):
    length = ctypes.c_int(0)
    libc.getsockopt(made.fileno(), socket.SOL_SOCKET, 26, None, ctypes.byref(length))
    return length.value

plain = listener(port)
filtered = None if version == "crashes" else listener(port + 1)
if version == "old":
    filter_with(filtered, 0xffff)
if version == "fails":
    filter_with(plain, 0)
    sys.exit("this version is broken")
while True:
    if plain not in select.select([plain, filtered] if filtered else [plain], [], [])[0]:
        continue
    client = plain.accept()[0]
    line = client.recv(100)
    client.sendall(b"%s %d %d\n" % (version.encode(), os.getpid(), instructions(filtered) if filtered else -1))
    client.close()
END2

filters_stay() {
	echo old >"$TMP/version"
	serve /usr/bin/python3 "$TMP/server.py" "$PORT" "$TMP"
	expect_match '^old [0-9]+ 1$' "$(ask)" "the filter at first"

	echo fails >"$TMP/version"
	restart_refused 'before it was ready' "$SUPERVISOR_PID"
	expect_match '^old [0-9]+ 1$' "$(ask)" "who answers after a version that failed"

	echo crashes >"$TMP/version"
	restart "$SUPERVISOR_PID"
	expect_match '^crashes [0-9]+ -1$' "$(ask)" "who answers"
	kill -SEGV "$(pid_now)"
	wait_for 5 log_has 'within the probation; generation 1 serves again'
	wait_for 5 tag_is old
	expect_match '^old [0-9]+ 1$' "$(ask)" "the filter after a roll back"
}

in_both_faces filters_stay
pass
