"""strike.py LOG REGEX SIGNAL TARGET OLD SUPERVISOR DIRECTORY: waits until the log has the line, and at once
sends the signal to the process that is meant; STOP is followed by CONT three seconds later. Prints what
it did: the pid, or 'nobody' where there is no such process at that step.

It makes the file strike.ready in the directory when it looks, and takes the pid of who asks from the file
asker there. Who asks only reads by then, and is halted so that it is there at every step."""
import contextlib
import os
import re
import signal
import sys
import time

log, regex, name, target, old, supervisor, directory = sys.argv[1:]
number = getattr(signal, 'SIG' + name)
text = ''


def until(what, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
    return None


def children(pid):
    try:
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def seen():
    global text
    text += file.read()
    return re.search(regex, text)


def new():
    seen()
    match = re.search(r'generation 2 \(pid (\d+)\) started', text)
    return int(match[1]) if match else None


def asker():
    try:
        with open(f'{directory}/asker', encoding='ascii') as file:
            return int(file.read() or 0)
    except FileNotFoundError:
        return None


def victim():
    if target.startswith('new') and not new():
        return None
    workers = children(old if target == 'old-worker' else new()) if 'worker' in target else []
    return {'supervisor': lambda: int(supervisor), 'asker': asker, 'old': lambda: int(old),
            'new': new, 'old-worker': lambda: workers and workers[0],
            'new-worker': lambda: workers and workers[0]}[target]()


with open(log, encoding='utf-8', errors='replace') as file:
    open(f'{directory}/strike.ready', 'w', encoding='ascii').close()
    halted = until(asker, 1) if target == 'asker' and until(new, 30) else None
    if halted:
        os.kill(halted, signal.SIGSTOP)
    if not until(seen, 30):
        if halted:
            os.kill(halted, signal.SIGCONT)
        print('no such step')
        sys.exit(1)
    pid = until(victim, 0.3)
    try:
        if not pid:
            raise ProcessLookupError
        os.kill(pid, number)
        print(pid, flush=True)
    except ProcessLookupError:
        print('nobody')
        sys.exit()
    if name == 'STOP':
        time.sleep(3)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
