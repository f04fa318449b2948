"""listeners.py HABIT PORT TAG-FILE [ARGUMENT]: a server with an uncommon habit.

It has to do with its listeners. It answers "TAG PID LINE", as the other test servers do. The habits
are functions of these names.
"""
import ctypes
import fcntl
import multiprocessing
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time

HABIT, PORT = sys.argv[1], int(sys.argv[2])
# A worker that is another program has its master's tag, and not what the file says by the time it starts.
TAG = os.environ.setdefault("TAG", open(sys.argv[3]).read().strip())
ARGUMENT = sys.argv[4] if len(sys.argv) > 4 else None


def bound(port=PORT, *options, protocol=0):
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    for option in (socket.SO_REUSEADDR, *options):
        made.setsockopt(socket.SOL_SOCKET, option, 1)
    made.bind(("127.0.0.1", port))
    return made


def listener(*which, **of_protocol):
    made = bound(*which, **of_protocol)
    made.listen(512)
    return made


def answer(client):
    client.setblocking(True)
    with client:
        try:
            line = client.recv(512)
            if line:
                client.sendall(b"%s %d %s" % (TAG.encode(), os.getpid(), line))
        except ConnectionError:
            pass


def serve(*listeners, seconds=None):
    """Answer clients of these, one after the other: for ever, or for so long."""
    waiting = select.poll()
    for each in listeners:
        each.setblocking(False)
        waiting.register(each, select.POLLIN)
    end = time.monotonic() + seconds if seconds else None
    while not end or time.monotonic() < end:
        ready = [fd for fd, _ in waiting.poll(10 if end else None)]
        for each in listeners:
            if each.fileno() in ready:
                serve_one(each)


def serve_one(listening):
    try:
        client = listening.accept()[0]
    except BlockingIOError:
        return False
    answer(client)
    return True


def replaces():
    """Every 0.3 s another listener of a SO_REUSEPORT group of one. Tells the file ARGUMENT."""
    old = listener(PORT, socket.SO_REUSEPORT)
    while True:
        serve(old, seconds=0.3)
        new = listener(PORT, socket.SO_REUSEPORT)
        old.setblocking(False)
        while serve_one(old):
            pass
        old.close()
        old = new
        with open(ARGUMENT, "a") as file:
            print(TAG, file=file)


def wait_for_file(path):
    while not os.path.exists(path):
        time.sleep(0.01)


def binds_again():
    """A second listener, on the next port, that is closed and opened all the time: once ARGUMENT.TAG exists."""
    first = listener()
    wait_for_file(f"{ARGUMENT}.{TAG}")
    while True:
        with listener(PORT + 1) as second:
            serve(first, second, seconds=0.1)


def binds_again_at_once():
    """The same as fast as it can, once ARGUMENT.TAG exists. Says so: ARGUMENT.TAG.begun.

    If the second is its own, and not handed over (which listens already), there is ARGUMENT.TAG.own.
    """
    first, second = listener(), bound(PORT + 1)
    if not second.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        open(f"{ARGUMENT}.{TAG}.own", "w").close()
    second.listen(512)
    while not os.path.exists(f"{ARGUMENT}.{TAG}"):
        serve(first, second, seconds=0.02)
    open(f"{ARGUMENT}.{TAG}.begun", "w").close()
    while True:
        second.close()
        second = listener(PORT + 1)
        serve(first, second, seconds=0.0001)


def passive():
    """For each line of a client a listener on the next port but four, for one client that gets the tag (as FTP)."""
    first = listener()
    while True:
        client = first.accept()[0]
        threading.Thread(target=passive_session, args=[client], daemon=True).start()


def passive_session(client):
    with client:
        while client.recv(512):
            with listener(PORT + 5) as data:
                client.sendall(b"%s %d\n" % (TAG.encode(), os.getpid()))
                with data.accept()[0] as other:
                    other.sendall(b"%s\n" % TAG.encode())


def late():
    """A second listener, on the next port, is served once ARGUMENT.TAG exists. v1 has looked at it before."""
    first = listener()
    second = listener(PORT + 1) if TAG == "v1" else None
    if second:
        select.select([second], [], [], 0.1)
    while not os.path.exists(f"{ARGUMENT}.{TAG}"):
        serve(first, seconds=0.02)
    serve(first, second or listener(PORT + 1))


def asks_its_helper():
    """What starts its processes is another program, which has its listener from this one."""
    first = listener()
    method = multiprocessing.get_context("forkserver")
    helper = method.Process(target=os.getpid)
    helper.start()
    helper.join()
    serve(first)


def worker_in_a_chroot():
    """A worker is another program, and has no /proc when it waits. ARGUMENT: an empty directory."""
    if os.environ.get("LISTENER"):
        serve_in_a_chroot(socket.socket(fileno=int(os.environ["LISTENER"])))
    first = listener()
    os.environ["LISTENER"] = str(first.fileno())
    worker = subprocess.Popen([sys.executable, *sys.argv], pass_fds=[first.fileno()])
    first.close()
    worker.wait()


def serve_in_a_chroot(inherited):
    os.chroot(ARGUMENT)
    os.chdir("/")
    inherited.setblocking(False)
    waiting = select.epoll()
    waiting.register(inherited, select.EPOLLIN)
    while True:
        if waiting.poll():
            serve_one(inherited)


def worker_talks_to_master():
    """A worker holds a connection to the master's Unix listener; its path is ARGUMENT.TAG."""
    path = f"{ARGUMENT}.{TAG}"
    inside = socket.socket(socket.AF_UNIX)
    inside.bind(path)
    inside.listen()
    outside = listener()
    if os.fork() == 0:
        outside.close()
        inside.close()
        talk = socket.socket(socket.AF_UNIX)
        talk.connect(path)
        talk.recv(1)
        os._exit(0)
    talk = inside.accept()[0]
    serve(outside, inside)


def finds_its_port_free():
    """It first makes sure that nobody answers there, and that the one before it does not live.

    Both before it binds the address of ARGUMENT (CherryPy, chronyd); when it has, somebody does. Its pid file,
    which is not there before, says what it has written (postgres).
    """
    family = socket.AF_INET6 if ":" in ARGUMENT else socket.AF_INET
    near = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    if is_answered(family, near):
        sys.exit(f"port {PORT} is not free on {near}")
    pid_file, note = f"{sys.argv[3]}.pid", f"{sys.argv[3]}.note"
    for ask in os.getsid, os.getpgid, lambda pid: os.kill(pid, 0):
        try:
            with open(note) as file:
                ask(int(file.read().split()[1]))
            sys.exit("already running")
        except (FileNotFoundError, ProcessLookupError):
            pass
    with open(note, "w") as file:
        print("pid", os.getpid(), file=file)
    if os.path.exists(pid_file) and os.path.exists(f"/proc/{open(pid_file).read().strip()}"):
        sys.exit("the pid file names a process")
    with open(pid_file, "w") as file:
        print(os.getpid(), file=file)
    with open(pid_file) as file:
        if int(file.read()) != os.getpid():
            sys.exit("another one has written the pid file")
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((ARGUMENT, PORT))
    made.listen(512)
    if not is_answered(family, near):
        sys.exit("it cannot reach itself")
    serve(made)


def is_answered(family, host):
    with socket.socket(family) as probe:
        return probe.connect_ex((host, PORT)) == 0


def has_a_unix_socket_of_datagrams():
    """
    Beside its listener; the path, ARGUMENT, is removed before and after. Who asks there gets its address as well.
    One more, ARGUMENT.TAG, which it only asks from, has a path that no other version has.
    """
    first, second, asking = listener(), *(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in "12")
    first.setblocking(False)
    if os.path.exists(ARGUMENT):
        os.unlink(ARGUMENT)
    second.bind(ARGUMENT)
    asking.bind(f"{ARGUMENT}.{TAG}")

    def end(*_):
        os.unlink(ARGUMENT)
        os.unlink(f"{ARGUMENT}.{TAG}")
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    while True:
        if second in select.select([first, second], [], [])[0]:
            line, client = second.recvfrom(512)
            second.sendto(b"%s %d %s" % (TAG.encode(), os.getpid(), line), client)
        else:
            serve_one(first)


def confines_its_access_to_files():
    """It and two forked workers may not open any file when it listens (landlock(7))."""
    first = listener()
    libc = ctypes.CDLL(None, use_errno=True)
    handled = ctypes.c_uint64(0b1100)  # LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR
    rules = libc.syscall(444, ctypes.byref(handled), ctypes.sizeof(handled), 0)  # landlock_create_ruleset
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    if rules < 0 or libc.syscall(446, rules, 0) != 0:  # landlock_restrict_self
        sys.exit(f"landlock: {os.strerror(ctypes.get_errno())}")
    if os.fork() and os.fork():
        os.wait()
    serve(first)


def waits_for_its_lock():
    """It serves once its pid file, which is locked while it runs, is its own."""
    file = open(f"{sys.argv[3]}.pid", "w")
    fcntl.flock(file, fcntl.LOCK_EX)
    print(os.getpid(), file=file, flush=True)
    serve(listener())


def ends_when_it_serves():
    """A daemon whose first process listens, and ends when the other one has served for a while."""
    first = listener()
    if os.fork() == 0:
        os.setsid()
        serve(first)
    time.sleep(0.3)
    os._exit(0)


def forks_when_bound():
    """Two workers are forked after bind() and listen by themselves, the second one later."""
    first = bound()
    first.setblocking(False)
    for delay in (0, 0.1):
        if os.fork() == 0:
            time.sleep(delay)
            first.listen(512)
            serve(first)
    os.wait()


def forks_when_bound_udp():
    """The same with datagrams, and the master does not read."""
    first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    first.bind(("127.0.0.1", PORT))
    for delay in (0, 0.1, 0.2):
        if os.fork() == 0:
            time.sleep(delay)
            while True:
                line, client = first.recvfrom(512)
                first.sendto(b"%s %d %s" % (TAG.encode(), os.getpid(), line), client)
    os.wait()


def runs_a_program():
    """One that is no part of it, but has a Unix socket of its, as from a logger. Its environment is in ARGUMENT."""
    first = listener()
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.set_inheritable(True)
    select.select([first], [], [], 0)
    with open(f"{ARGUMENT}.new", "w") as file:
        subprocess.run(["env"], close_fds=False, stdout=file, check=True)
    os.rename(f"{ARGUMENT}.new", ARGUMENT)
    serve(first)


def set_status(listening, nonblocking):
    if ARGUMENT == "ioctl":
        listening.setblocking(not nonblocking)
    else:
        flags = fcntl.fcntl(listening, fcntl.F_GETFL) & ~os.O_NONBLOCK
        fcntl.fcntl(listening, fcntl.F_SETFL, flags | (os.O_NONBLOCK if nonblocking else 0))


def has_status(listening):
    """As the kernel has it, and not as the program is told."""
    with open(f"/proc/self/fdinfo/{listening.fileno()}") as file:
        flags = next(line for line in file if line.startswith("flags:"))
    return int(flags.split()[1], 8) & os.O_NONBLOCK != 0


def never_blocks():
    """It accepts all that wait, until EAGAIN, and goes on with its open connections.

    ARGUMENT: "itself", or "workers", two other programs that inherit the listener, or "fcntl" or "ioctl", the same,
    but one sets O_NONBLOCK so when the next version has bound, and that listens thereafter (TAG-FILE.bound, and
    TAG-FILE.set, which has in it whether the kernel's is set when the worker has cleared its own). If TAG begins
    with "blocks", it accepts without O_NONBLOCK instead, and ends a second later; with "fails", it ends when it has
    bound.
    """
    if os.environ.get("LISTENER"):
        first = socket.socket(fileno=int(os.environ["LISTENER"]))
        if os.environ["LATE"]:
            set_status(first, True)
            wait_for_file(sys.argv[3] + ".bound")
            set_status(first, False)
            is_set = has_status(first)
            set_status(first, True)
            with open(sys.argv[3] + ".set", "w") as file:
                print("set" if is_set else "clear", file=file)
        accepts_all(first)
    first = bound()
    if TAG.startswith("fails"):
        sys.exit(3)
    if TAG.startswith("blocks") and ARGUMENT in ("fcntl", "ioctl"):
        open(sys.argv[3] + ".bound", "w").close()
        wait_for_file(sys.argv[3] + ".set")
    first.listen(512)
    if TAG.startswith("blocks"):
        threading.Timer(1, os._exit, [5]).start()
        while True:
            answer(first.accept()[0])
    if ARGUMENT == "itself":
        accepts_all(first)
    first.set_inheritable(True)
    os.environ["LISTENER"] = str(first.fileno())
    for worker in [subprocess.Popen([sys.executable, *sys.argv], close_fds=False, env={**os.environ, "LATE": late})
                   for late in ("", ARGUMENT if ARGUMENT != "workers" else "")]:
        worker.wait()


def accepts_all(listening):
    listening.setblocking(False)
    waiting = select.epoll()
    waiting.register(listening, select.EPOLLIN)
    clients = {}
    while True:
        for fd, _ in waiting.poll():
            if fd in clients:
                line = clients[fd].recv(512)
                if line:
                    clients[fd].sendall(b"%s %d %s" % (TAG.encode(), os.getpid(), line))
                else:
                    clients.pop(fd).close()
                continue
            try:
                while True:
                    client = listening.accept()[0]
                    clients[client.fileno()] = client
                    waiting.register(client, select.EPOLLIN)
            except BlockingIOError:
                pass


def sends():
    """Workers get the listener from a master that does not serve, and accept from it, blocking.

    ARGUMENT says when they are made: "forked" or "executed" before there is one, which the master closes then;
    "kept", as forked, but that keeps it; "late", when there is one, and again when a worker has ended.
    """
    if os.environ.get("SENDER"):
        receives(socket.socket(fileno=int(os.environ.pop("SENDER"))))
    senders = [] if ARGUMENT == "late" else [worker_without_listener() for _ in range(2)]
    first = listener()
    for sender in senders:
        socket.send_fds(sender, [b"."], [first.fileno()])
    if ARGUMENT in ("forked", "executed"):
        first.close()
    while ARGUMENT != "late":
        os.wait()
    for _ in range(2):
        socket.send_fds(worker_without_listener(), [b"."], [first.fileno()])
    while os.wait():
        socket.send_fds(worker_without_listener(), [b"."], [first.fileno()])


def worker_without_listener():
    mine, its = socket.socketpair()
    if ARGUMENT in ("executed", "late"):
        its.set_inheritable(True)
        subprocess.Popen([sys.executable, *sys.argv], pass_fds=[its.fileno()],
                         env={**os.environ, "SENDER": str(its.fileno())})
    elif os.fork() == 0:
        receives(its)
    return mine


def receives(sender):
    received = socket.socket(fileno=socket.recv_fds(sender, 1, 1)[1][0])
    while True:
        answer(received.accept()[0])


def asks_itself():
    """For each line of a client it asks another process of its own, by a listener that no other generation knows.

    ARGUMENT: "port", that the kernel chooses, or "path", that is another one each time.
    """
    if ARGUMENT == "path":
        inside, where = socket.socket(socket.AF_UNIX), f"{sys.argv[3]}.{os.getpid()}"
        inside.bind(where)
        inside.listen()
    else:
        inside = listener(0)
        where = inside.getsockname()
    outside = listener()
    if os.fork() == 0:
        outside.close()
        while True:
            with inside.accept()[0] as client:
                client.sendall(TAG.encode())
    while True:
        client = outside.accept()[0]
        threading.Thread(target=asks, args=[client, inside.family, where], daemon=True).start()


def asks(client, family, where):
    with client:
        while client.recv(512):
            with socket.socket(family) as inside:
                inside.connect(where)
                word = inside.recv(512)
            client.sendall(b"%s %d inside\n" % (word, os.getpid()))


def multipath():
    serve(listener(protocol=socket.IPPROTO_MPTCP))


def main():
    globals()[HABIT]()


if __name__ == "__main__":
    main()
