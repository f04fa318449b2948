"""A process for each connection, as some FTP servers have it: it goes on for a while when it has hung up,
and its master removes its file when it has ended. Arguments: port, file with the tag, directory; "keep": a
session keeps the listener open."""
import os
import signal
import socket
import sys
import time

port, tag, directory = int(sys.argv[1]), open(sys.argv[2]).read().strip(), sys.argv[3]


def path_of(pid):
    return f"{directory}/session.{pid}"


def clean_up(*_):
    try:
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) > 0:
            os.unlink(path_of(pid))
    except ChildProcessError:
        pass


def serve(client):
    open(path_of(os.getpid()), "w").close()
    client.sendall(f"{tag} {os.getpid()} {client.recv(100).decode()}".encode())
    client.close()
    time.sleep(0.1)
    os._exit(0)


signal.signal(signal.SIGCHLD, clean_up)
with socket.create_server(("127.0.0.1", port), backlog=128) as listener:
    # A signal that comes just before a call is heard of when that returns.
    listener.settimeout(0.05)
    while True:
        try:
            client = listener.accept()[0]
        except TimeoutError:
            continue
        if os.fork() == 0:
            if "keep" not in sys.argv:
                listener.close()
            serve(client)
        client.close()
