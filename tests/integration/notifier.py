# A server that says by sd_notify(3) whatever its clients want: notifier.py PORT TAG_FILE [FIRST WORDS].
# Each client sends one line:
#   say TEXT	sends TEXT, in which | stands for a new line; answers "said"
#   barrier	as sd_notify_barrier(3): answers how it was closed
#   fds N	READY=1 with N descriptors; answers how many of them are still open elsewhere
#   env NAME	the variable
#   else	the answer of a test server, "TAG PID LINE"
import array, os, socket, select, sys, time

def notify(text, descriptors=()):
    name = os.environ["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        peer.sendmsg([text.encode()], rights if descriptors else [], 0,
                     "\0" + name[1:] if name[0] == "@" else name)

def wait_closed(reader):
    poll = select.poll()
    poll.register(reader, 0)
    return "closed" if poll.poll(5000) else "still open"

def barrier():
    reader, writer = os.pipe()
    notify("BARRIER=1", [writer])
    os.close(writer)
    result = wait_closed(reader)
    os.close(reader)
    return result

def descriptors(n):
    reader, writer = os.pipe()
    notify("FDSTORE=1\nFDNAME=x", [writer] * n)
    os.close(writer)
    result = wait_closed(reader)
    os.close(reader)
    return result

def answer(line):
    word, _, rest = line.partition(" ")
    if word == "say":
        notify(rest.replace("|", "\n"))
        return "said"
    if word == "barrier":
        return barrier()
    if word == "fds":
        return descriptors(int(rest))
    if word == "env":
        return os.environ.get(rest, "unset")
    return "%s %d %s" % (tag, os.getpid(), line)

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(1024)
tag = open(sys.argv[2]).read().strip()
if len(sys.argv) > 4:
    os.chroot(sys.argv[4])
    os.chdir("/")
if len(sys.argv) > 3 and sys.argv[3]:
    notify(sys.argv[3].replace("|", "\n"))
while True:
    client = listener.accept()[0]
    line = b""
    while not line.endswith(b"\n"):
        more = client.recv(1024)
        if not more:
            break
        line += more
    if line:
        client.sendall(answer(line.decode().rstrip("\n")).encode() + b"\n")
    client.close()
