#!/usr/bin/python3
"""Two processes with a listener each: two_listeners.py PORT TAG_FILE [timer]; the second has PORT + 1.

With "timer" both are sent a signal every other millisecond."""
import os
import signal
import socket
import sys

PORT = int(sys.argv[1])
with open(sys.argv[2], encoding="ascii") as tag_file:
    TAG = tag_file.read().strip()


def serve(port):
    """Answers a line with the tag, the pid and the line."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(64)
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(f"{TAG} {os.getpid()} ".encode() + connection.recv(100))


def take_timer():
    """Timers are not inherited: each process has its own."""
    if "timer" in sys.argv:
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.siginterrupt(signal.SIGALRM, False)
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)


IS_SECOND = os.fork() == 0
take_timer()
serve(PORT + IS_SECOND)
