"""A server of datagrams on a Unix socket, as syslogd is one, and its clients.

syslog.py serve PATH LOG TAG-FILE FAIL-FILE: writes each line to LOG as "TAG PID LINE", and answers so
whoever can be answered. PATH may be @NAME, an abstract one. It fails to start if FAIL-FILE exists.

syslog.py say PATH STOP-FILE: until that file exists a client, connected as by syslog(3), says "said N". With
`ask` others, a socket each, say "asked N" as well and wait for the answer. Prints how many lines of each were
sent; exits with 1 as soon as one cannot be.
"""
import os
import socket
import sys
import time


def address(path):
    return "\0" + path[1:] if path[0] == "@" else path


def serve(path, log, tag_file, fail_file):
    with open(tag_file, encoding="ascii") as file:
        tag = file.read().strip()
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    if path[0] != "@" and os.path.exists(path):
        os.unlink(path)
    server.bind(address(path))
    if os.path.exists(fail_file):
        sys.exit("told to fail")
    lines = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    while True:
        text, client = server.recvfrom(1024)
        line = b"%s %d %s" % (tag.encode(), os.getpid(), text)
        os.write(lines, line + b"\n")
        if client:
            server.sendto(line, client)


def ask(path, text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asked:
        asked.settimeout(5)
        asked.bind("")
        asked.sendto(text, address(path))
        assert asked.recv(1024).endswith(b" " + text)


def say(path, stop_file, asks=False):
    said = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    said.connect(address(path))
    n = 0
    while not os.path.exists(stop_file):
        said.send(b"said %d" % n)
        if asks:
            ask(path, b"asked %d" % n)
        n += 1
        time.sleep(0.001)
    print(n)


def main(what, *arguments):
    if what == "serve":
        serve(*arguments)
    else:
        say(*arguments, asks=what == "ask")


main(*sys.argv[1:])
