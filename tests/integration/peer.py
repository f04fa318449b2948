# peer.py CONTROL|CHANNEL-NAME KIND: what a stranger may send to flip's sockets. Names are abstract.
import array
import os
import socket
import struct
import sys

MAGIC, VERSION, SIZE = 0x50494C46, 1, 272
HELLO, CLAIM, WELCOME, RETIRE, RESTART = 1, 10, 11, 16, 21


def message(magic=MAGIC, version=VERSION, kind=RESTART, flags=0, count=0, payload=b""):
    head = struct.pack("=IHHII", magic, version, kind, flags, count)
    return (head + payload).ljust(SIZE, b"\0")


def kinds():
    yield "empty", b"", 0
    yield "empty with descriptors", b"", 30
    yield "one byte", b"x", 0
    yield "text", b"GET / HTTP/1.0\r\n\r\n", 0
    yield "noise", os.urandom(SIZE), 0
    yield "truncated", message()[:SIZE - 1], 0
    yield "too long", message() + b"\0", 0
    yield "huge", os.urandom(60000), 0
    yield "foreign magic", message(magic=0x12345678), 0
    yield "other version", message(version=2), 0
    yield "unknown type", message(kind=999), 0
    yield "type 0", message(kind=0), 0
    yield "count", message(kind=CLAIM, count=0xFFFFFFFF), 0
    yield "for members", message(kind=RETIRE), 0
    yield "answer", message(kind=WELCOME, count=4), 0
    yield "with descriptor", message(), 1
    yield "with many", message(kind=HELLO, count=1), 40
    yield "claim without", message(kind=CLAIM, count=16, payload=b"\2\0\x1f\x90\x7f\0\0\1"), 0


def send_all(name):
    for title, data, descriptors in kinds():
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        peer.settimeout(3)
        peer.connect("\0" + name)
        rights = array.array("i", [0] * descriptors)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if descriptors else []
        try:
            peer.sendmsg([data], ancillary)
            peer.recv(2048)
        except (ConnectionError, PermissionError, socket.timeout) as error:
            print(title, "->", error)
        peer.close()


send_all(sys.argv[1])
# And one that connects and says nothing, while the test goes on.
silent = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
silent.connect("\0" + sys.argv[1])
print("done", flush=True)
sys.stdin.read()
