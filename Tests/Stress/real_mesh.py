"""A server and peers in processes of their own on 127.0.0.1, observed by the lines that they print for users."""
import os
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import threading
import time


class Line:
    """A line of a peer, with the time at which it was read."""

    __slots__ = ("at", "name", "text")

    def __init__(self, at, name, text):
        self.at, self.name, self.text = at, name, text


class Peer:
    def __init__(self, name, process, started):
        self.name, self.process, self.started = name, process, started
        self.rest = b""


class RealMesh:
    """Starts and ends the processes. Use it in a `with` statement, which ends all of them and removes their folder."""

    def __init__(self, program, names, port, server_options=()):
        self.program, self.port, self.server_options = program, port, list(server_options)
        self.folder = tempfile.mkdtemp(prefix="p2p-stress-")
        self.keys = os.path.join(self.folder, "keys")
        self.server_output = os.path.join(self.folder, "server.out")
        self.peers = {}
        self.ports = {}
        self.server = None
        self._lines = []
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._ended = False
        for start in range(0, len(names) + 1, 500):
            chunk = (["server"] + names)[start:start + 500]
            subprocess.run([program, "keygen", *chunk, "--authorize", "--keys", self.keys], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for peer in self.peers.values():
            peer.process.kill()
        if self.server:
            self.server.kill()
        self._ended = True
        for peer in self.peers.values():
            peer.process.wait()
        if self.server:
            self.server.wait()
        self._reader.join()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Functions that start and end processes.

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start_server(self, stdout=None, stderr=None):
        """Starts the server and waits until it listens. Its output is added to that of earlier servers."""
        output = stdout or open(self.server_output, "a")
        errors = stderr or open(os.path.join(self.folder, "server.err"), "a")
        before = self.server_lines(r"^public key ")
        self.server = subprocess.Popen(
            [self.program, "server", "--listen", self.address, "--keys", self.keys, *self.server_options],
            stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        if stdout is None:
            output.close()
            self.wait(lambda: self.server_lines(r"^public key ") > before, 10)
        if stderr is None:
            errors.close()

    def kill_server(self):
        self.server.kill()
        self.server.wait()

    def stop_server(self):
        """Stops the server by SIGTERM.

        Returns the seconds until its exit, or None after 10 seconds; then the server is killed."""
        return stop(self.server)

    def server_lines(self, pattern):
        """Returns the number of lines of all servers that match the pattern."""
        try:
            with open(self.server_output) as file:
                return len(re.findall(pattern, file.read(), re.MULTILINE))
        except FileNotFoundError:
            return 0

    def start_peer(self, name, *options, stdout=subprocess.PIPE):
        """Starts a peer that broadcasts nothing unless `options` say so."""
        port = self.ports.setdefault(name, self.port + 1 + len(self.ports))
        options = list(options) or ["--broadcast-interval", "off"]
        with open(os.path.join(self.folder, name + ".err"), "a") as errors:
            started = time.monotonic()
            process = subprocess.Popen(
                [self.program, "peer", name, str(port), "--server", self.address, "--keys", self.keys, *options],
                stdin=subprocess.DEVNULL, stdout=stdout, stderr=errors)
        peer = self.peers[name] = Peer(name, process, started)
        if stdout == subprocess.PIPE:
            self._selector.register(process.stdout.fileno(), selectors.EVENT_READ, peer)
        return peer

    def form(self, names, gap, limit):
        """Starts a server and the peers, `gap` seconds apart, and waits until all have joined.

        Returns the seconds from the first start until the last peer joined."""
        self.start_server()
        begun = time.monotonic()
        for index, name in enumerate(names):
            time.sleep(max(begun + gap * index - time.monotonic(), 0))
            self.start_peer(name)
        joined = self.wait_joined(names, limit)
        return max(joined.values(), default=begun) - begun

    # Functions that read the lines that the processes print.

    def mark(self):
        """Returns a mark: the number of lines so far."""
        with self._lock:
            return len(self._lines)

    def lines(self, pattern, since=0):
        """Returns the lines of all peers since a mark that match the pattern."""
        expression = re.compile(pattern)
        with self._lock:
            recent = self._lines[since:]
        return [line for line in recent if expression.match(line.text)]

    def joined(self, since=0):
        """Returns the time of the first `joined` of each peer since a mark."""
        first = {}
        for line in self.lines("joined as ", since):
            first.setdefault(line.name, line.at)
        return first

    def wait_joined(self, names, limit, since=0):
        """Waits until all of the peers have joined since a mark. Returns the times of those that did."""
        names = set(names)
        self.wait(lambda: names <= self.joined(since).keys(), limit)
        return {name: at for name, at in self.joined(since).items() if name in names}

    @staticmethod
    def wait(condition, limit):
        """Waits until a condition holds. Returns False after `limit` seconds."""
        end = time.monotonic() + limit
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def _read(self):
        while not self._ended:
            for key, _ in self._selector.select(0.05):
                data, at, peer = os.read(key.fd, 1 << 16), time.monotonic(), key.data
                if not data:
                    self._selector.unregister(key.fd)
                    continue
                *lines, peer.rest = (peer.rest + data).split(b"\n")
                with self._lock:
                    self._lines += [Line(at, peer.name, line.decode("utf-8", "replace")) for line in lines]


def stop(process, limit=10):
    """Stops a process by SIGTERM.

    Returns the seconds until its exit, or None after `limit` seconds; then the process is killed."""
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None
    return time.monotonic() - begun
