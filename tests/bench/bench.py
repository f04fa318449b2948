"""What scripts/bench runs: every measure is a function that adds rows to one table.

Every figure is a count, or a ratio or difference of two things that took turns in the same run: the
machine may be slow, noisy or shared.
"""
import contextlib
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get('BUILD', os.path.join(ROOT, 'build')))
FLIP = BUILD + '/launcher/flip'
LIBRARY = BUILD + '/shim/libflip.so'
SERVER = BUILD + '/tests/servers/server'
BENCH = BUILD + '/tests/bench/'
CHART = ROOT + '/tests/bench/latency'
TMP = tempfile.TemporaryDirectory(prefix='flip-bench.')
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, CLIENT_CPU = {CPUS[0]}, {CPUS[-1]}

full = False
rows = []  # (measure, must reach, measured, True | False | None: nothing to reach)


def row(measure, target, measured, ok=None):
    rows.append((measure, target, measured, ok))
    verdict = '' if ok is None else '  ok' if ok else '  MISSED'
    wanted = f' (must reach {target})' if target else ''
    print(f'  {measure}: {measured}{wanted}{verdict}', file=sys.stderr, flush=True)


def median(values):
    return statistics.median(values)


# --- processes ------------------------------------------------------------------------------------

children = []


def start(command, cpus=None, environment=None):
    """Its output goes to a file: a full pipe would stop it."""
    log = tempfile.NamedTemporaryFile(dir=TMP.name, delete=False)
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment,
        preexec_fn=(lambda: os.sched_setaffinity(0, cpus)) if cpus else None)
    process.log = log.name
    children.append(process)
    return process


def end(process, how=signal.SIGTERM):
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process in children:
        children.remove(process)


def output_of(process):
    with open(process.log, encoding='utf-8', errors='replace') as log:
        return log.read()


def wait_for(what, seconds=20):
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise RuntimeError('waited in vain: ' + what.__name__)
        time.sleep(0.005)


def ask(port):
    """The pid that answers, or None."""
    answer = subprocess.run([BENCH + 'ask', f'127.0.0.1:{port}'], capture_output=True, text=True,
                            check=False).stdout.split()
    return int(answer[1]) if len(answer) > 1 else None


def server_command(mode, port, *options):
    return [SERVER, '--wait=' + mode, f'--listen=127.0.0.1:{port}', *options]


@contextlib.contextmanager
def running(command, port, cpus=None, how=signal.SIGTERM, answers=ask):
    process = start(command, cpus)
    try:
        def is_up():
            if process.poll() is not None:
                raise RuntimeError('ended at start: ' + output_of(process))
            return answers(port) is not None
        wait_for(is_up)
        yield process
    finally:
        end(process, how)


def flip_run(command, *options):
    """Without a probation: what is measured is the hand-over, and that the old one is gone."""
    return [FLIP, 'run', '-q', '--probation=0', *options, '--', *command]


def restart(pid):
    """True if done, False if it was refused, because too many old ones drain."""
    result = subprocess.run([FLIP, 'restart', str(pid)], capture_output=True, text=True,
                            check=False)
    if result.returncode not in (0, 1):
        raise RuntimeError(result.stdout + result.stderr)
    return result.returncode == 0


def is_settled(pid):
    """One generation serves, and no other one is coming or going."""
    status = subprocess.run([FLIP, 'status', str(pid)], capture_output=True, text=True,
                            check=False).stdout.splitlines()
    generations = [line for line in status if line.startswith('generation ')]
    return len(generations) == 1 and ' serving' in generations[0]


def restart_surely(pid):
    for _ in range(2000):
        if restart(pid):
            return
        time.sleep(0.005)
    raise RuntimeError('no restart succeeds any more')


def load_command(port, *options):
    return [BENCH + 'load', f'--to=127.0.0.1:{port}', *options]


def tally(text):
    line = [line for line in text.splitlines() if line.startswith('sent=')]
    if not line:
        raise RuntimeError('no tally: ' + text[-500:])
    fields = dict(word.split('=', 1) for word in line[-1].split())
    return {name: float(value) for name, value in fields.items() if name != 'by'}


def load_for(port, seconds, *options, cpus=None):
    process = start(load_command(port, f'--seconds={seconds}', *options), cpus)
    process.wait()
    children.remove(process)
    return tally(output_of(process))


def private_kib(pid):
    total = 0
    with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as file:
        for line in file:
            if line.startswith(('Private_Clean:', 'Private_Dirty:')):
                total += int(line.split()[1])
    return total


# --- measures -------------------------------------------------------------------------------------

def restarts_under_load(measure, mode, clients, server_options=(), flip_options=()):
    count = 1000 if full else 50
    command = flip_run(server_command(mode, 8080, *server_options), *flip_options)
    with running(command, 8080) as flip:
        load = start(load_command(8080, f'--clients={clients}'))
        time.sleep(0.3)
        for _ in range(count):
            restart_surely(flip.pid)
        end(load)
        result = tally(output_of(load))
        memory = private_kib(flip.pid)
    row(f'{measure}, {mode} server: failed requests over {count:,} restarts, {clients} clients', '0',
        f'{result["failed"]:.0f} of {result["sent"]:,.0f}',
        result['failed'] == 0 and result['ok'] > 10 * clients)
    return memory, count


def measure_failed():
    """failed requests, clients at full speed; the supervisor's memory"""
    for mode in ('epoll', 'thread'):
        memory, count = restarts_under_load('full speed', mode, 8)
    row(f'private memory of the supervisor after {count:,} restarts', '<= 1,024 KiB',
        f'{memory:,} KiB', memory <= 1024)


def measure_failed_work():
    """failed requests, 100 ms of work for each"""
    for mode in ('epoll', 'thread'):
        restarts_under_load('100 ms of work', mode, 16, ('--work-ms=100',), ('--max-draining=64',))


def restart_until(restart_one, process, interval):
    while process.poll() is None:
        restart_one()
        time.sleep(interval)


@contextlib.contextmanager
def bare_successors(command):
    """The least that a restart can cost: a server that shares its address with the next one
    (SO_REUSEPORT), and is killed when that should be up. Clients in its queue are lost."""
    current = [start(command)]

    def succeed():
        new = start(command)
        time.sleep(0.005)
        end(current[0], signal.SIGKILL)
        current[0] = new
    try:
        wait_for(lambda: ask(8081) is not None)
        yield succeed
    finally:
        end(current[0])


def measure_p99():
    """p99 at a moderate rate, restarts against none"""
    turns, seconds = (12, 4) if full else (4, 2)

    def p99_of(port, restart_one=None):
        load = start(load_command(port, '--clients=2', '--pause-ms=1', f'--seconds={seconds}'))
        if restart_one:
            restart_until(restart_one, load, 0.2)
        load.wait()
        children.remove(load)
        return tally(output_of(load))['p99_us']

    for mode in ('epoll', 'thread'):
        takes = {'none': [], 'flip': [], 'bare': []}
        with running(flip_run(server_command(mode, 8080)), 8080) as flip, \
                bare_successors(server_command(mode, 8081, '--reuseport=1')) as succeed:
            measures = {'none': lambda: p99_of(8080),
                        'flip': lambda: p99_of(8080, lambda: flip.send_signal(signal.SIGHUP)),
                        'bare': lambda: p99_of(8081, succeed)}
            for turn in range(turns):
                for kind in sorted(takes, reverse=bool(turn % 2)):
                    takes[kind].append(measures[kind]())
        flipped, bare = (median([some / none for some, none in zip(takes[kind], takes['none'])])
                         for kind in ('flip', 'bare'))
        row(f'p99, 2 clients with 1 ms pause, {mode} server: restarts every 200 ms / none '
            f'(median of {turns} turns; a bare server that another one replaces, which loses '
            'clients, / none)', '<= 1.10', f'{flipped:.2f} ({bare:.2f})', flipped <= 1.10)


def measure_first_answer():
    """SIGHUP to the first answer of the new process"""
    rounds = 100 if full else 50
    # No port of other measures: bind() looks through all connections there that are in TIME_WAIT.
    bare_port = 8083
    for mode in ('epoll', 'thread'):
        bare, flipped = [], []
        with running(flip_run(server_command(mode, 8080)), 8080) as flip:
            for _ in range(rounds):
                for values, port, what in (
                        (bare, bare_port, ['start', *server_command(mode, bare_port)]),
                        (flipped, 8080, ['restart', str(flip.pid)])):
                    values.append(int(subprocess.check_output(
                        [BENCH + 'first_answer', f'127.0.0.1:{port}', *what])) / 1000)
                # A new process may answer a moment before the restart is over.
                wait_for(lambda: is_settled(flip.pid))
        beyond = median(flipped) - median(bare)
        row(f'SIGHUP to first answer of the new process, {mode} server, beyond exec to first answer '
            f'of the bare one (medians of {rounds})', '<= 2 ms',
            f'{beyond:.2f} ms ({median(flipped):.2f} - {median(bare):.2f})', beyond <= 2)


def requests_row(what, least, command, wrap, *options, answers=ask):
    """
    Requests per second of wrap(command(port)) against those of command(port).

    Where a process happens to lie in memory is worth some per cent to one that forks, and what else the machine does
    as much: many of them, in short turns. Which is started first is worth something, too, and changes.
    """
    fresh, turns, seconds = (24, 8, 0.25) if full else (6, 4, 0.25)
    cpus = len(CPUS) > 1
    ratios, sums = [], {True: 0, False: 0}
    for number in range(fresh):
        starts = [(command(8080), 8080), (wrap(command(8081)), 8081)]
        with contextlib.ExitStack() as stack:
            for line, port in reversed(starts) if number % 2 else starts:
                stack.enter_context(running(line, port, SERVER_CPU if cpus else None, answers=answers))
            for turn in range(turns):
                rate = {}
                for preloaded in (True, False) if turn % 2 else (False, True):
                    result = load_for(8081 if preloaded else 8080, seconds, '--clients=4', *options,
                                      cpus=CLIENT_CPU if cpus else None)
                    rate[preloaded] = result['per_second']
                    sums[preloaded] += result['per_second']
                ratios.append(rate[True] / rate[False])
    row(f'requests/s, a connection each, {what} / bare (median of {len(ratios)} pairs)',
        f'>= {least}' if least else '',
        f'{median(ratios):.3f} (of the sums {sums[True] / sums[False]:.3f})',
        median(ratios) >= least if least else None)


def preload_empty(command):
    return ['env', f'LD_PRELOAD={BENCH}libempty.so', *command]


def measure_throughput():
    """requests per second, preloaded against bare"""
    for mode, least, what, wrap in (
            ('epoll', 0.99, 'preloaded', flip_run), ('thread', 0.99, 'preloaded', flip_run),
            ('fork', 0.98, 'preloaded', flip_run),
            ('fork', None, 'preloaded with a library that does nothing', preload_empty)):
        requests_row(f'{mode} server: {what}', least, lambda port: server_command(mode, port), wrap)


def connects(port):
    with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', port), 5):
        return True
    return None


def measure_forking():
    """requests per second of real servers that fork for each connection, preloaded against bare"""
    def busybox(port):
        return ['busybox', 'httpd', '-f', '-p', f'127.0.0.1:{port}', '-h', TMP.name]

    def python(port):
        return ['/usr/bin/python3', '-c', f"""
import http.server, socketserver
class Server(socketserver.ForkingMixIn, http.server.HTTPServer): pass
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words): pass
    def __init__(self, *words): super().__init__(*words, directory={TMP.name!r})
Server(('127.0.0.1', {port}), Handler).serve_forever()
"""]

    def vsftpd(port):
        with open(f'{TMP.name}/vsftpd-{port}.conf', 'w', encoding='ascii') as file:
            file.write(f'listen=YES\nlisten_ipv6=NO\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\n'
                       f'secure_chroot_dir={TMP.name}/empty\nftpd_banner=v1\n')
        return ['vsftpd', file.name]

    os.makedirs(f'{TMP.name}/empty', exist_ok=True)
    with open(f'{TMP.name}/index.html', 'w', encoding='ascii') as file:
        print('v1 0 end', file=file)
    http = ('--request=GET /index.html HTTP/1.0\\r\\n\\r\\n', '--until=end\\n', '--expect=(v1) (0) end')
    ftp = ('--greeting=\\n', '--request=QUIT\\r\\n', '--until=221 ', '--expect=^220 (v1)')
    for name, command, options in (('busybox httpd', busybox, http), ('python http.server', python, http),
                                   ('vsftpd', vsftpd, ftp)):
        requests_row(f'{name}, a process for each: preloaded', 0.98, command, flip_run, *options, answers=connects)


def count_call(call, timeout_ms, generation, words=()):
    """(instructions, system calls) of one round; generation 0: bare."""
    path = f'{TMP.name}/calls'
    command = [BENCH + 'calls', '8080', call, str(timeout_ms), path, *words]

    def pid_and_address():
        try:
            with open(path, encoding='ascii') as file:
                return file.read().split()
        except FileNotFoundError:
            return None
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    process = start(flip_run(command) if generation else command)
    try:
        wait_for(pid_and_address)
        time.sleep(0.3)
        for _ in range(1, generation):
            first = pid_and_address()
            restart_surely(process.pid)
            wait_for(lambda: pid_and_address() != first)
            time.sleep(0.3)
        counted = subprocess.check_output(
            [BENCH + 'count_instructions', *pid_and_address(), '100'], text=True).split()
        return int(counted[0]), int(counted[1])
    finally:
        end(process, signal.SIGKILL if generation == 0 else signal.SIGTERM)


def measure_instructions():
    """instructions per hooked call"""
    if not os.path.exists(BENCH + 'count_instructions'):
        row('instructions per hooked call', '<= 40', 'not measured on this architecture', False)
        return
    calls = (('epoll_wait', 'epoll_wait with timeout 0, -1, 1,000', (0, -1, 1000)),
             ('poll', 'poll with timeout 0, -1, 1,000', (0, -1, 1000)),
             ('accept4', 'accept4', (0,)), ('accept4-none', 'accept4 that finds nobody', (0,)))
    for generation, title, words in ((1, 'before a restart', ()), (2, 'after one', ()),
                                     (2, 'after one, blocking listener', ('blocking',))):
        for call, name, timeouts in calls:
            if words and call == 'accept4-none':
                continue  # it would wait
            more, more_calls = [], 0
            for timeout_ms in timeouts:
                bare, bare_calls = count_call(call, timeout_ms, 0, words)
                ours, our_calls = count_call(call, timeout_ms, generation, words)
                more.append(ours - bare)
                more_calls = max(more_calls, our_calls - bare_calls)
            row(f'instructions beyond the bare call, {title}: {name}', '<= 40',
                ', '.join(map(str, more)) +
                (f'; system calls: {more_calls}' if more_calls else ''), max(more) <= 40)


def measure_true():
    """a process that never listens: time and memory"""
    rounds = 4000 if full else 500
    _, _, more = subprocess.check_output(
        [BENCH + 'spawn', str(rounds), LIBRARY, 'true'], text=True).split()
    row(f'`true` preloaded beyond bare: time (medians of {rounds:,})', '<= 0.4 ms',
        f'{float(more) / 1000:.3f} ms', float(more) <= 400)
    memory = {True: [], False: []}
    for _ in range(10):
        for preloaded in (False, True):
            environment = dict(os.environ, **({'LD_PRELOAD': LIBRARY} if preloaded else {}))
            process = start(['sleep', '60'], environment=environment)
            time.sleep(0.05)
            memory[preloaded].append(private_kib(process.pid))
            end(process, signal.SIGKILL)
    more_kib = median(memory[True]) - median(memory[False])
    row('a process that never listens, preloaded beyond bare: private memory', '<= 150 KiB',
        f'{more_kib:.0f} KiB', more_kib <= 150)


def write_tag(tag):
    with open(f'{TMP.name}/tag', 'w', encoding='ascii') as file:
        print(tag, file=file)


def family_start_ms(command, workers):
    """Of a bare one, until all its workers wait."""
    begin = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as master:
        try:
            while not all_wait(master.pid, workers):
                time.sleep(0.001)
            return (time.monotonic() - begin) * 1000
        finally:
            for pid in [*workers_of(master.pid), master.pid]:
                os.kill(pid, signal.SIGKILL)


def all_wait(master, workers):
    pids = workers_of(master)
    # The last one first: to look is to slow them down.
    return len(pids) == workers and all(is_asleep(pid) for pid in reversed(pids))


def workers_of(pid):
    with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as file:
        return [int(word) for word in file.read().split()]


def is_asleep(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as file:
        return file.read().rsplit(')', 1)[1].split()[0] == 'S'


def measure_family():
    """restart of a family of 64 workers against one of 4"""
    answered, finished = {}, {}
    for workers in (4, 64):
        bare, bare_whole, first, whole = [], [], [], []
        options = (f'--threads={workers}', f'--tag-file={TMP.name}/tag')
        command = flip_run(server_command('prefork', 8080, *options))
        write_tag('v0')
        # SIGTERM would end the master alone, with flip as without.
        with running(command, 8080, how=signal.SIGQUIT) as flip:
            for turn in range(40 if full else 10):
                write_tag(f'v{turn + 1}')
                for values, port, what in (
                        (bare, 8081, ['start', *server_command('prefork', 8081, *options)]),
                        (first, 8080, ['restart', str(flip.pid), f'v{turn + 1}'])):
                    values.append(int(subprocess.check_output(
                        [BENCH + 'first_answer', f'127.0.0.1:{port}', *what])) / 1000)
                wait_for(lambda: is_settled(flip.pid))
                bare_whole.append(family_start_ms(server_command('prefork', 8081, *options), workers))
                whole.append(restart_ms(flip.pid))
                wait_for(lambda: is_settled(flip.pid))
        answered[workers] = median(first) - median(bare)
        finished[workers] = median(whole) - median(bare_whole)
    for what, beyond in (('until a new worker answers', answered),
                         ('until all old ones have let go', finished)):
        row(f'restart of a family of 64 workers / one of 4, {what}, each beyond what its own start '
            'takes', '< 2', f'{beyond[64] / beyond[4]:.2f} ({beyond[64]:.1f} ms, {beyond[4]:.1f} ms)',
            beyond[64] < 2 * beyond[4])


def measure_in_place():
    """in place: the longest wait of a client, beyond the server's own stop and start"""
    options = ('--init-ms=50', '--term=graceful')
    bare, flipped = [], []
    with running(flip_run(server_command('epoll', 8080, *options), '--in-place'), 8080) as flip:
        for _ in range(100 if full else 25):
            with running(server_command('epoll', 8081, *options), 8081) as server:
                begin = time.monotonic()
                server.terminate()
                server.wait()
                stop_ms = (time.monotonic() - begin) * 1000
            start_us = subprocess.check_output([BENCH + 'first_answer', '127.0.0.1:8081', 'start',
                                                *server_command('epoll', 8081, *options)])
            bare.append(stop_ms + int(start_us) / 1000)
            load = start(load_command(8080, '--clients=2', '--pause-ms=1', '--seconds=0.4'))
            time.sleep(0.1)
            restart_surely(flip.pid)
            load.wait()
            children.remove(load)
            flipped.append(tally(output_of(load))['max_us'] / 1000)
    beyond = median(flipped) - median(bare)
    row(f'in place: the longest wait of a client, beyond stop and start of the bare server (medians of '
        f'{len(bare)})', '<= 10 ms', f'{beyond:.1f} ms ({median(flipped):.1f} - {median(bare):.1f})',
        beyond <= 10)


def measure_many_threads():
    """64 threads in accept(): requests per second after a restart, against before"""
    ratios = []
    for _ in range(10 if full else 4):
        with running(flip_run(server_command('threads', 8080, '--threads=64')), 8080) as flip:
            before = load_for(8080, 0.5, '--clients=4')['per_second']
            restart_surely(flip.pid)
            wait_for(lambda: is_settled(flip.pid))
            ratios.append(load_for(8080, 0.5, '--clients=4')['per_second'] / before)
    row(f'requests/s, a connection each, 64 threads in accept(): after a restart / before '
        f'(median of {len(ratios)} pairs)', '>= 0.95', f'{median(ratios):.3f}', median(ratios) >= 0.95)


def restart_ms(pid):
    begin = time.monotonic()
    restart_surely(pid)
    return (time.monotonic() - begin) * 1000


def is_linear(times):
    """From each point to the next the time grows by no more than the number did."""
    points = sorted(times.items())
    return all(later[1] / earlier[1] <= later[0] / earlier[0]
               for earlier, later in zip(points, points[1:]))


def scaling_row(what, times):
    row(f'restart with {", ".join(f"{n:,}" for n in times)} {what}', 'no faster than linearly',
        ' / '.join(f'{value:.1f}' for value in times.values()) + ' ms', is_linear(times))


def measure_listeners():
    """restart time by number of listeners"""
    times = {}
    for count in (1, 100, 1000):
        command = flip_run(server_command('epoll', 10000, f'--listen-count={count}'))
        with running(command, 10000) as flip:
            values = []
            for _ in range(15 if full else 5):
                values.append(restart_ms(flip.pid))
                wait_for(lambda: is_settled(flip.pid))
            times[count] = median(values)
    scaling_row('listeners', times)


def connections_open(count, port):
    """They come from many addresses, for the ports of one would not do."""
    sockets = []
    for i in range(count):
        client = socket.socket()
        client.bind((f'127.65.{i // 250 % 250}.{i % 250 + 1}', 0))
        client.settimeout(20)
        client.connect(('127.0.0.1', port))
        sockets.append(client)
    # The one that came last is answered when all others are accepted.
    sockets[-1].sendall(b'hello\n')
    sockets[-1].recv(100)
    return sockets


def measure_connections():
    """restart time by number of open connections"""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 10500:
        raise RuntimeError(f'10,000 connections need more than the {hard} descriptors allowed here')
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 10500), hard))
    times = {}
    for count in (10, 10000):
        values = []
        for _ in range(7 if full else 3):
            with running(flip_run(server_command('epoll', 8080, '--keepalive'),
                                  '--drain-timeout=100ms', '--stop-timeout=1'), 8080) as flip:
                sockets = connections_open(count, 8080)
                values.append(restart_ms(flip.pid))
                for client in sockets:
                    client.close()
        times[count] = median(values)
    scaling_row('open connections', times)


# --- the chart ------------------------------------------------------------------------------------

def latencies_read(path):
    """[(seconds, milliseconds, who answered or None)]"""
    points = []
    with open(path, encoding='ascii') as file:
        for line in file:
            if line.startswith('#'):
                continue
            words = line.split(None, 3)
            points.append((float(words[0]) / 1000, float(words[1]) / 1000,
                           None if words[2] == 'FAILED' else words[3].strip()))
    return points


def latencies_take(port, seconds, do_restart):
    """Load for a while, a restart every half second: the points, and when the restarts were."""
    path = f'{TMP.name}/latency'
    load = start(load_command(port, '--clients=2', '--pause-ms=1', f'--seconds={seconds}',
                              f'--latency-file={path}'))
    begin = time.monotonic()
    times = []
    while time.monotonic() - begin < seconds - 0.5:
        time.sleep(0.5)
        times.append(time.monotonic() - begin)
        do_restart()
    load.wait()
    children.remove(load)
    return latencies_read(path), times


def latencies_bare(seconds):
    """The control: the same server, stopped and started again."""
    server = [start(server_command('epoll', 8081))]
    wait_for(lambda: ask(8081) is not None)

    def stop_and_start():
        end(server[0])
        server[0] = start(server_command('epoll', 8081))
    try:
        return latencies_take(8081, seconds, stop_and_start)
    finally:
        end(server[0])


def panel(axes, title, points, times):
    generations = {}
    for _, _, name in points:
        if name:
            generations.setdefault(name, len(generations))
    good = [point for point in points if point[2]]
    bad = [point for point in points if not point[2]]
    colours = ['#2a6f97' if generations[name] % 2 else '#e07a1f' for _, _, name in good]
    for number, moment in enumerate(times):
        axes.axvline(moment, color='#999999', linewidth=0.8, linestyle='--',
                     label='restart' if number == 0 else None)
    axes.scatter([point[0] for point in good], [point[1] for point in good], s=3, c=colours,
                 linewidths=0, rasterized=True)
    if bad:
        axes.scatter([point[0] for point in bad], [point[1] for point in bad], s=18, marker='x',
                     c='#c1121f', linewidths=0.8, rasterized=True, label='failed request')
    axes.set_yscale('log')
    axes.set_ylim(0.01, 20)
    axes.set_ylabel('latency (ms)')
    axes.set_title(f'{title}: {len(points):,} requests, {len(bad):,} failed', fontsize=10,
                   loc='left')
    axes.legend(loc='upper right', fontsize=8, framealpha=1)
    axes.grid(axis='y', color='#eeeeee')
    axes.set_axisbelow(True)


def measure_chart():
    """draw latency over time"""
    import matplotlib
    matplotlib.use('Agg')
    matplotlib.rcParams['svg.hashsalt'] = 'flip'
    from matplotlib import pyplot
    seconds = 5
    with running(flip_run(server_command('epoll', 8080)), 8080) as flip:
        points, times = latencies_take(8080, seconds, lambda: restart_surely(flip.pid))
    control, control_times = latencies_bare(seconds)
    figure, (upper, lower) = pyplot.subplots(2, 1, figsize=(9, 5.4), sharex=True)
    panel(upper, 'under flip, a restart every half second', points, times)
    panel(lower, 'the same server stopped and started', control, control_times)
    lower.set_xlabel('time (s); the colour changes with the process that answers')
    figure.tight_layout()
    figure.savefig(CHART + '.svg', dpi=110, metadata={'Date': None})
    figure.savefig(CHART + '.png', dpi=90, metadata={'Software': None})
    failed = sum(1 for point in points if not point[2])
    control_failed = sum(1 for point in control if not point[2])
    row(f'chart: failed of {len(points):,} requests over {len(times)} restarts, and without flip', '0',
        f'{failed}, and {control_failed}', failed == 0 and control_failed > 0)


# --- the table ------------------------------------------------------------------------------------

MEASURES = {name[len('measure_'):]: function for name, function in list(globals().items())
            if name.startswith('measure_')}


def table_print():
    cells = [('measure', 'must reach', 'measured', 'ok?')]
    cells += [(measure, target, measured, {None: '', True: 'yes', False: 'no'}[ok])
              for measure, target, measured, ok in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(4)]
    cells.insert(1, tuple('-' * width for width in widths))
    for line in cells:
        print('| ' + ' | '.join(cell.ljust(width) for cell, width in zip(line, widths)) + ' |')


def main():
    global full
    names = sys.argv[1:]
    if names and names[0] in ('quick', 'full'):
        full = names.pop(0) == 'full'
    if names == ['list']:
        for name, function in MEASURES.items():
            print(f'{name:14} {function.__doc__}')
        return 0
    for name in names:
        if name not in MEASURES:
            print(f"bench: no measure is called '{name}'; see bench list", file=sys.stderr)
            return 2
    for name in names or MEASURES:
        print(f'{name}: {MEASURES[name].__doc__}', file=sys.stderr, flush=True)
        try:
            MEASURES[name]()
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            row(name, '', f'not measured: {" ".join(str(error).split())[:300]}', False)
    table_print()
    return 0 if all(ok is not False for *_, ok in rows) else 1


try:
    sys.exit(main())
finally:
    for child in list(children):
        end(child, signal.SIGKILL)
    TMP.cleanup()
