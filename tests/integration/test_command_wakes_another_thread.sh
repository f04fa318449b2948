#!/bin/bash
# A signal to the whole process may wake a thread and then be taken by another one: epoll_wait() ends with EINTR
# in the first, of which nobody is to know, however late it runs. (Without root it comes to that by chance only.)
. "$(dirname "$0")/lib.sh"

# On one processor: the first thread has its own signal pending when the process is sent one, so the kernel
# wakes another thread, and by the time that this one runs it has been taken.
cat >"$TMP/strike.py" <<'END'
import ctypes, os, signal, sys, time
pid = int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
threads = [int(name) for name in os.listdir(f"/proc/{pid}/task")]
assert len(threads) > 1

def schedule(thread, priority):
    os.sched_setaffinity(thread, {min(os.sched_getaffinity(0))})
    try:
        os.sched_setscheduler(thread, os.SCHED_FIFO if priority else os.SCHED_OTHER, os.sched_param(priority))
    except PermissionError:
        pass

for thread in threads:
    schedule(thread, 0)
schedule(pid, 1)
schedule(0, 2)
libc.tgkill(pid, pid, 61) # as flip calls a process
os.kill(pid, signal.SIGHUP)
schedule(0, 1)
os.sched_yield() # behind the first thread, before the others
end = time.monotonic() + 0.1
while time.monotonic() < end:
    pass
END

FACE=bare
export FLIP_PRECHECK='sleep 0.5' # until then flip wakes nobody else
serve_versions server --wait=epoll-exclusive --strict
old=$(pid_now)
for n in 1 2 3 4 5; do
	tag_set v$((n + 1))
	load_start --pause-ms=1
	old=$(pid_now)
	/usr/bin/python3 "$TMP/strike.py" "$old" || fail "cannot send the signals"
	wait_for 10 tag_is v$((n + 1))
	load_end
	wait_for 10 old_are_gone
	! log_has 'Interrupted' || fail "a wait was interrupted"
done
pass
