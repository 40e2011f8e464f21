"""Two hosts on one Ethernet, in network namespaces of their own, and p2p processes on them."""
import atexit
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PORT = 3000
LOSS = """
table inet p2p {
    chain input {
        type filter hook input priority 0
        meta l4proto udp numgen random mod 100 < %d drop
    }
}
"""


def skip(reason):
    print(f'skipped: {reason}')
    sys.exit(0)


def program(path):
    """The path of an existing p2p, or of the one that scripts/build builds."""
    if path is None:
        subprocess.run([os.path.join(ROOT, 'scripts', 'build')], check=True, stdout=subprocess.DEVNULL)
        path = os.path.join(ROOT, '.build-release', 'release', 'p2p')
    if not os.access(path, os.X_OK):
        sys.exit(f'stress: error: no program at {path}\nstress: hint: give the path of p2p')
    return os.path.abspath(path)


def run(*command):
    result = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if result.returncode:
        raise RuntimeError(f'{" ".join(command)}: {result.stderr.strip()}')


def check_requirements(*programs):
    """Ends the program without an error if this host does not permit the test, or if one of `programs` is missing."""
    if os.geteuid() != 0:
        skip('network namespaces and raw sockets need root')
    if not shutil.which('ip'):
        skip("'ip' of iproute2 is missing")
    if not shutil.which('cc'):
        skip("a C compiler, 'cc', is missing")
    for each in programs:
        if not shutil.which(each):
            skip(f"'{each}' is missing")
    name = f'p2p-{os.getpid()}-test'
    if subprocess.run(['ip', 'netns', 'add', name], stderr=subprocess.DEVNULL).returncode:
        skip('the system makes no network namespaces')
    run('ip', 'netns', 'delete', name)


class Network:
    """The host of the server, 10.77.0.1 and fd00:77::1, and the host of all others, 10.77.0.2 and fd00:77::2.

    A datagram to a routed address, 10.78.0.0/16, arrives at the second host, which drops it. There is no route to any
    other address.
    """

    def __init__(self, reverse_path_filter=0):
        self.server_host = f'p2p-{os.getpid()}-server'
        self.other_host = f'p2p-{os.getpid()}-others'
        self.folder = tempfile.mkdtemp(prefix='p2p-stress-')
        atexit.register(self.remove)
        # The exit calls `remove`, which deletes the namespaces.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        for host in (self.server_host, self.other_host):
            run('ip', 'netns', 'add', host)
            run('ip', '-n', host, 'link', 'set', 'lo', 'up')
        run('ip', '-n', self.server_host, 'link', 'add', 'p2p0', 'type', 'veth', 'peer', 'name', 'p2p0', 'netns',
            self.other_host)
        for host, last in ((self.server_host, 1), (self.other_host, 2)):
            for setting in ('all', 'default', 'p2p0'):
                self.set(host, f'net.ipv4.conf.{setting}.rp_filter', reverse_path_filter)
            run('ip', '-n', host, 'address', 'add', f'10.77.0.{last}/24', 'broadcast', '10.77.0.255', 'dev', 'p2p0')
            run('ip', '-n', host, 'address', 'add', f'fd00:77::{last}/64', 'dev', 'p2p0', 'nodad')
            run('ip', '-n', host, 'link', 'set', 'p2p0', 'up')
        run('ip', '-n', self.server_host, 'route', 'add', '10.78.0.0/16', 'via', '10.77.0.2')
        self.sender = os.path.join(self.folder, 'datagrams')
        run('cc', '-O2', '-o', self.sender, os.path.join(HERE, 'datagrams.c'))

    @staticmethod
    def set(host, name, value):
        run('ip', 'netns', 'exec', host, 'sysctl', '-qw', f'{name}={value}')

    def command(self, host, *command):
        return ['ip', 'netns', 'exec', host, *command]

    def send(self, kind, target, rate, seconds, source, count, file=None):
        """Starts to send datagrams from forged sources to the server.

        The sender has a high priority: on a real host, the kernel receives datagrams before any process runs."""
        arguments = [kind, target, str(PORT), str(rate), str(seconds), source, str(count)]
        return subprocess.Popen(
            self.command(self.other_host, 'nice', '-n', '-20', self.sender, *arguments, *([file] if file else [])),
            stdout=subprocess.PIPE, text=True)

    def lose(self, percent):
        """Drops a share of all UDP datagrams that arrive at either host, or none."""
        rules = LOSS % percent if percent else 'flush ruleset'
        for host in (self.server_host, self.other_host):
            subprocess.run(self.command(host, 'nft', '-f', '-'), input=rules, text=True, check=True)

    def remove(self):
        for host in (self.server_host, self.other_host):
            subprocess.run(['ip', 'netns', 'delete', host], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)


class Mesh:
    """A server and peers on a network. Collects what they print, with the time of each line."""

    def __init__(self, network, program, is_ipv6=False):
        self.network, self.program = network, program
        self.server_address = 'fd00:77::1' if is_ipv6 else '10.77.0.1'
        self.peer_address = 'fd00:77::2' if is_ipv6 else '10.77.0.2'
        self.target = f'[{self.server_address}]:{PORT}' if is_ipv6 else f'{self.server_address}:{PORT}'
        self.keys = tempfile.mkdtemp(dir=network.folder)
        self.processes, self.ended, self.rest, self.lines = {}, [], {}, []
        self.lock = threading.Lock()
        self.selector = selectors.DefaultSelector()
        self.is_stopped = False
        self.reader = None
        self.next_port = 3001
        atexit.register(self.stop)

    def make_keys(self, listed, unlisted=()):
        for names, options in ((['server', *listed], ['--authorize']), (unlisted, [])):
            if names:
                run(self.program, 'keygen', *names, *options, '--keys', self.keys)

    def start_server(self, *options, listen=None):
        self.start('server', self.network.server_host, 'server', '--listen', listen or self.target, *options)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.wait(lambda: self.find('server', '^listening on '), 20, 'the server listens')

    def start_peer(self, name, *options, bind=True):
        """Starts a peer, and returns the time of its start."""
        port, self.next_port = self.next_port, self.next_port + 1
        begun = time.monotonic()
        self.start(name, self.network.other_host, 'peer', name, str(port), '--server', self.target, '--bind',
                   self.peer_address, *options)
        return begun

    def start(self, name, host, *arguments):
        process = subprocess.Popen(
            self.network.command(host, self.program, *arguments, '--keys', self.keys), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.processes[name] = process
        for stream in (process.stdout, process.stderr):
            self.selector.register(stream.fileno(), selectors.EVENT_READ, name)

    def read(self):
        while not self.is_stopped:
            for key, _ in self.selector.select(0.05):
                data, now = os.read(key.fd, 1 << 16), time.monotonic()
                if not data:
                    self.selector.unregister(key.fd)
                    continue
                *lines, self.rest[key.fd] = (self.rest.get(key.fd, b'') + data).split(b'\n')
                with self.lock:
                    self.lines += [(now, key.data, line.decode('utf-8', 'replace')) for line in lines]

    def find(self, name, pattern, since=0.0):
        """The matching lines of a process, or of all peers if the name is None, each with its time."""
        with self.lock:
            lines = list(self.lines)
        return [
            (at, who, line) for at, who, line in lines
            if at >= since and (who == name or name is None and who != 'server') and re.search(pattern, line)
        ]

    def wait(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.05)
        raise RuntimeError(f'{what}: not within {seconds} s')

    def time_to_join(self, name, begun, seconds):
        """The seconds from a peer's start to its `joined`, or None if it does not come in time."""
        while time.monotonic() < begun + seconds:
            joined = self.find(name, '^joined')
            if joined:
                return joined[0][0] - begun
            time.sleep(0.02)
        return None

    def lost_connections(self, since):
        return len(self.find(None, 'lost the server', since)) + len(self.find('server', r'^- .*\(expired\)', since))

    def messages(self, names, since, until):
        """The numbers of messages between these peers that arrived and that were lost, by the counters in them."""
        counters = {}
        for at, who, line in self.find(None, r'^\S+: \S+_broadcast_\d+$', since):
            sender, text = line.split(': ', 1)
            if at <= until and who in names and sender in names:
                counters.setdefault((sender, who), []).append(int(text.rsplit('_', 1)[1]))
        arrived = sum(len(numbers) for numbers in counters.values())
        lost = sum(max(numbers) - min(numbers) + 1 - len(numbers) for numbers in counters.values())
        # If a pair has no message at all, one message counts as lost.
        silent = len(names) * (len(names) - 1) - len(counters)
        return arrived, lost + silent

    def log_lines(self, since):
        """The server's log lines about datagrams: the number of lines and the sum of counts, by reason."""
        reasons = {}
        for _, _, line in self.find('server', '(lost|refused) datagrams', since):
            reason, count = re.search(r'reason=(\w+)', line), re.search(r'count=(\d+)', line)
            if reason and count:
                lines, total = reasons.get(reason[1], (0, 0))
                reasons[reason[1]] = (lines + 1, total + int(count[1]))
        return reasons

    def capture_hellos(self, names):
        """The first HELLO of each of these peers. The peers run on 127.0.0.1, and not in the network."""
        hellos = []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
            sink.bind(('127.0.0.1', 0))
            sink.settimeout(20)
            for name in names:
                with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as free:
                    free.bind(('::', 0))
                    port = free.getsockname()[1]
                peer = subprocess.Popen(
                    [self.program, 'peer', name, str(port), '--server', f'127.0.0.1:{sink.getsockname()[1]}', '--keys',
                     self.keys], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                try:
                    hello = sink.recv(2048)
                    while len(hello) != 256 or hello in hellos:
                        hello = sink.recv(2048)
                    hellos.append(hello)
                finally:
                    peer.kill()
                    peer.wait()
        return hellos

    def end(self, name):
        process = self.processes.pop(name)
        # The reference keeps the process's streams open until the reader has read their ends.
        self.ended.append(process)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop(self):
        self.is_stopped = True
        if self.reader:
            self.reader.join()
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()
        self.processes = {}
