"""slow_reader.py MS [SECONDS]: a process of a service that joins it as every other one, and then reads one
of the messages that it is told in so many ms, and answers it; 0: it reads none at all. For so many seconds
after its first answer it reads nothing."""
import array
import os
import socket
import struct
import sys
import time

MAGIC, VERSION, SIZE, HELLO = 0x50494C46, 1, 272, 1
# COLLECT: LISTENERS, none; RETIRE: RETIRED; RESUME: RESUMED; PROBE: CONNECTIONS, none; LEAVE: LEAVING.
ANSWERS = {18: (6, 0), 19: (7, 1), 20: (8, 0), 22: (9, 1), 23: (11, 1)}


def message(kind, count=0, value=0):
    return struct.pack('=IHHIIQ', MAGIC, VERSION, kind, 0, count, value).ljust(SIZE, b'\0')


pause = int(sys.argv[1]) / 1000
rest = float(sys.argv[2]) if len(sys.argv) > 2 else 0
with open('/proc/self/environ', 'rb') as file:
    variables = dict(line.split(b'=', 1) for line in file.read().split(b'\0') if b'=' in line)
channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
channel.connect(b'\0' + variables[b'FLIP_CHANNEL'].split(b'/')[0])
channel.send(message(HELLO, 1, os.getpid()))
while pause:
    time.sleep(pause)
    data, ancillary, _, _ = channel.recvmsg(SIZE, 1024)
    for _, _, rights in ancillary:
        for fd in array.array('i', rights):
            os.close(fd)
    if not data:
        sys.exit()
    kind = struct.unpack_from('=IHH', data)[2]
    if kind in ANSWERS:
        channel.send(message(*ANSWERS[kind]))
        time.sleep(rest)
        rest = 0
time.sleep(3600)
