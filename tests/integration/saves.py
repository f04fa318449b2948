# saves.py PORT DIRECTORY CODE: a server that SIGTERM tells to end, which it does with CODE, and not while there is
# DIRECTORY/saves; nor does it wait for clients while there is DIRECTORY/init. It has been told: DIRECTORY/told.PID.
import os, signal, socket, sys, time
port, directory, code = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def end(*_):
    open(f"{directory}/told.{os.getpid()}", "w").close()
    while os.path.exists(f"{directory}/saves"):
        time.sleep(0.02)
    os._exit(code)

signal.signal(signal.SIGTERM, end)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", port))
listener.listen(128)
while os.path.exists(f"{directory}/init"):
    time.sleep(0.02)
while True:
    client = listener.accept()[0]
    client.sendall(b"v1 %d %s" % (os.getpid(), client.recv(100)))
    client.close()
