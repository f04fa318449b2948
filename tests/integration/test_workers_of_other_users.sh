#!/bin/bash
# A flip run of root's, and processes of user nobody: one in the server's family cannot have root's files changed
# through flip, nor stop the service; a stranger that connects and is silent keeps no descriptor of flip's, and one
# that plays a service does not get root's requests.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] && setpriv --reuid=65534 --clear-groups true 2>/dev/null ||
	{ echo "cannot be another user here"; pass; }
as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

type_of() {
	awk -v name="MESSAGE_$1," '/MESSAGE_HELLO = 1/ { n = 0 } /^\tMESSAGE_[A-Z_]+( = 1)?,/ { n++;
		if ($1 == name) { print n; exit } }' "$ROOT/shim/core/protocol.h"
}
export HELLO=1
for name in SIGNAL WRITE RENAME KILL CONTROL_STATUS; do
	export "$name=$(type_of $name)"
done

mkdir "$TMP/nobody" "$TMP/root"
chown 65534:65534 "$TMP/nobody"
chmod a+rx "$TMP" "$TMP/root"

cat >"$TMP/flip.py" <<'END'
import array, os, socket, struct

def type_of(name):
    return int(os.environ[name])

def message(name, count=0, value=0):
    return struct.pack("=IHHIIQ", 0x50494C46, 1, type_of(name), 0, count, value).ljust(272, b"\0")

def connect(channel):
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.connect("\0" + channel)
    peer.settimeout(20)
    return peer

def ask(channel, *what, descriptors=()):
    with connect(channel) as peer:
        peer.sendmsg([message(*what)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))])
        return struct.unpack("=IHHIIQQ", peer.recv(2000)[:32])
END

# Of generation WHICH it starts a worker that is nobody's, PROGRAM, without flip's library; with "waits" it listens
# when that has asked for what it wants.
cat >"$TMP/server.py" <<'END'
import os, socket, sys, time
port, directory, program, which = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
channel, _, generation = os.environ["FLIP_CHANNEL"].partition("/")
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", port))
if generation.startswith(which) and os.fork() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    os.environ.pop("LD_PRELOAD", None)
    os.execv("/usr/bin/python3", ["python3", "-B", program, channel, directory])
while generation.startswith(which) and "waits" in sys.argv and not os.path.exists(f"{directory}/nobody/asked"):
    time.sleep(0.01)
listener.listen(128)
while True:
    client = listener.accept()[0]
    client.sendall(b"v%s %d %s" % (generation[:1].encode(), os.getpid(), client.recv(100)))
    client.close()
END

# Its pid files name the old server: it says that it writes the one, for which it has opened a file of root's, and
# moves another file of root's, which it cannot read, to the other. What becomes of that is its pid file afterwards.
cat >"$TMP/changes_files.py" <<'END'
import os, sys
from flip import ask
channel, directory = sys.argv[1:]
os.chdir(directory + "/nobody")
old = open("../old").read()
for name in "pid1", "pid2":
    open(name, "w").write(old)
    os.chmod(name, 0o666)
here, there = os.open(".", os.O_PATH), os.open("../root", os.O_PATH)
one, two = os.open("pid1", os.O_PATH), os.open("pid2", os.O_PATH)
public, secret = os.open("../root/public", os.O_RDONLY), os.open("../root/secret", os.O_PATH)
answers = (ask(channel, "WRITE", 1, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, descriptors=[here, one, public]),
           ask(channel, "RENAME", descriptors=[here, two, there, secret]))
with open("asked.new", "w") as file:
    print(os.getuid(), *answers, file=file)
os.rename("asked.new", "asked")
END

files() {
	(cd "$TMP/root" && stat -c '%n %i %a %u:%g %h' * && cat public secret)
}

changes_no_files() {
	rm -f "$TMP"/nobody/* "$TMP"/root/*
	echo "root's" >"$TMP/root/public"
	chmod 644 "$TMP/root/public"
	echo "root's own" >"$TMP/root/secret"
	chmod 600 "$TMP/root/secret"
	start_flip -- /usr/bin/python3 -B "$TMP/server.py" "$PORT" "$TMP" "$TMP/changes_files.py" 2 waits
	before=$(files)
	pid_now >"$TMP/old"
	restart
	expect_match '^65534 ' "$(cat "$TMP/nobody/asked")" "user of the worker"
	wait_for 5 old_are_gone
	expect_eq "$before" "$(files)" "root's files after a restart"
	restart	# whatever was yet to be written is by then
	wait_for 5 old_are_gone
	expect_eq "$before" "$(files)" "root's files after two restarts"
	as_nobody cat "$TMP/nobody/pid2" | grep "root's own" && fail "nobody can read what is root's own"
	end_all
}

# It says that the server has got SIGQUIT, as the library does. When it has an answer to another question, that has
# been heard.
cat >"$TMP/stops.py" <<'END'
import os, sys, time
from flip import ask, connect, message
channel, directory = sys.argv[1:]
while not os.path.exists(directory + "/serves"):
    time.sleep(0.02)
member = connect(channel)
member.send(message("HELLO", 1, os.getpid()))
if len(member.recv(2000)) != 272:
    sys.exit("it is no member")
member.send(message("SIGNAL", 1, 3))
ask(channel, "KILL", 1, 1)
with open(directory + "/nobody/asked.new", "w") as file:
    print(os.getuid(), file=file)
os.rename(directory + "/nobody/asked.new", directory + "/nobody/asked")
END

does_not_stop() {
	rm -f "$TMP"/nobody/*
	start_flip -- /usr/bin/python3 -B "$TMP/server.py" "$PORT" "$TMP" "$TMP/stops.py" 1
	wait_until_serving
	server=$(pid_now)
	touch "$TMP/serves"
	wait_for 5 test -e "$TMP/nobody/asked"
	expect_eq 65534 "$(cat "$TMP/nobody/asked")" "user of the worker"
	status_has ': serving,' || fail "a process of nobody's has stopped the service: $OUTPUT"
	expect_eq "$server" "$(pid_now)" "who serves"
	restart
	end_all
}

cat >"$TMP/silent.py" <<'END'
import sys, time
from flip import connect
peers = [connect(sys.argv[1]) for _ in range(20)]
print("connected", flush=True)
time.sleep(1000)
END

strangers_are_not_kept() {
	start_flip -- server --wait=epoll
	wait_until_serving
	before=$(descriptors_at_rest "$FLIP_PID")
	channel=$(grep -o '@flip-.*' /proc/net/unix | sort -u | cut -c 2-)
	launch "$TMP/silent.log" setpriv --reuid=65534 --regid=65534 --clear-groups \
		/usr/bin/python3 -B "$TMP/silent.py" "$channel"
	wait_for 5 grep -q connected "$TMP/silent.log"
	wait_for 5 log_has 'rejected process [0-9]+ of user 65534|said nothing'
	log_has 'said nothing' && fail "flip waited for what a stranger would say"
	wait_for 1 descriptors_are "$FLIP_PID" "$before"
	is_running "$LAUNCHED_PID" || fail "the stranger has hung up itself"
	restart
	end_all
}

# Services before and behind root's, by their names, that claim the process of root's: the first one is asked.
cat >"$TMP/plays.py" <<'END'
import os, socket, struct, sys, threading
from flip import type_of

def report(final, text):
    return struct.pack("=IHBB", 0x50494C46, 1, final, 0) + text.encode().ljust(1016, b"\0")

def answer(client):
    with client:
        asked = client.recv(300)[6:8]  # some connect first, and ask later by another connection
        if asked == struct.pack("=H", type_of("CONTROL_STATUS")):
            client.send(report(0, "generation 1 (pid %s) serving" % sys.argv[1]))
            client.send(report(1, ""))
        elif asked:
            client.send(report(1, "generation 2 (pid 4711) ready in 3 ms"))

def serve(listener):
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],)).start()

for name in "a", "z":
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind("\0flip/65534/" + name)
    listener.listen(50)
    threading.Thread(target=serve, args=(listener,)).start()
print("listening", flush=True)
END

# With the library alone: there a process is found by what its service says of itself.
others_do_not_answer() {
	tag_set v1
	start_bare_preload server --wait=epoll --tag-file="$TMP/tag"
	wait_until_serving
	launch "$TMP/plays.log" setpriv --reuid=65534 --regid=65534 --clear-groups \
		/usr/bin/python3 -B "$TMP/plays.py" "$FLIP_PID"
	wait_for 5 grep -q listening "$TMP/plays.log"
	tag_set v2
	restart "$FLIP_PID"
	expect_eq v2 "$(tag_now)" "who serves ($OUTPUT)"
	expect_match 'generation 2' "$OUTPUT" "the answer"
	[[ $OUTPUT != *4711* ]] || fail "nobody's service has answered: $OUTPUT"
	end_all
}

chmod a+r "$TMP"/*.py
changes_no_files
does_not_stop
strangers_are_not_kept
others_do_not_answer
pass
