# What a service manager hears: manager.py ADDRESS FILE. Binds ADDRESS (a path, or @NAME), and appends
# a line to FILE for each datagram: the sender's pid and the text, in which | stands for a new line.
import os, socket, struct, sys

address = sys.argv[1]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
if address[0] == "/" and os.path.exists(address):
    os.unlink(address)
listener.bind("\0" + address[1:] if address[0] == "@" else address)
with open(sys.argv[2], "a", buffering=1) as file:
    file.write("0 listening\n")
    while True:
        text, rights, flags, _ = listener.recvmsg(5000, 1024)
        pid = [struct.unpack("3i", data)[0] for level, kind, data in rights
               if kind == socket.SCM_CREDENTIALS][0]
        file.write("%d %s\n" % (pid, text.decode().replace("\n", "|")))
