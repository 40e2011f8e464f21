#!/usr/bin/env python3
"""Measures the limits of a mesh of real processes, and prints the table of docs/limits.md.

    scripts/stress table [--rows NAME,NAME...] [--write] [--program FILE] [--port PORT]

    --rows NAMES     these rows only (all); --list prints their names
    --list           prints the names of the rows, and what each does
    --write          writes the rows into the table of docs/limits.md; other rows stay
    --program FILE   an existing p2p, in place of the one that scripts/build builds
    --port PORT      first of up to 1,200 UDP ports (20000)

The figures depend on the machine and on what else runs there. All rows take about 30 minutes. The largest meshes need
about 8 GB of memory, and 20,000 open files (ulimit -n). A row fails if a figure is unknown or above its goal; the exit
code is then 1.
"""
import argparse
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from process import cpu_time  # noqa: E402
from real_mesh import RealMesh, stop  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "limits.md")
BEGIN, END = "<!-- The table of scripts/stress begins. -->", "<!-- The table of scripts/stress ends. -->"
LOSS_SEEDS = 20
HEAD = ["| row | situation | result |", "|---|---|---|"]


class Context:
    def __init__(self, program, port):
        self.program, self.port = program, port

    def mesh(self, names, *server_options):
        return RealMesh(self.program, names, self.port, server_options)

    def command(self, *arguments, limit=600):
        """Runs p2p and returns the JSON object that it prints, whatever its exit code."""
        done = subprocess.run([self.program, *arguments], capture_output=True, timeout=limit)
        return json.loads(done.stdout)


class Result:
    """The result of a row: a text, and figures, of which smaller ones are better. None means that it is unknown."""

    def __init__(self, text, **figures):
        self.text, self.figures = text, figures

    def failures(self, goals):
        return [
            f"{name} {'unknown' if self.figures[name] is None else round(self.figures[name], 1)}, at most {goal} expected"
            for name, goal in goals.items() if self.figures[name] is None or self.figures[name] > goal
        ]


def names(count):
    return [f"n{index}" for index in range(count)]


def seconds(value):
    return "never" if value is None else f"{value:.1f} s"


def longest(times):
    times = list(times)
    return None if None in times else max(times)


def milliseconds(values):
    values = [value * 1e3 for value in values]
    return f"{statistics.median(values):.0f} ms, at most {max(values):.0f} ms" if values else "never"


def server_counts(mesh, before=(0, 0)):
    """The numbers of joins and departures that the server has printed, without those that it had printed before."""
    return mesh.server_lines(r"^\+ ") - before[0], mesh.server_lines(r"^- ") - before[1]


def counts_text(counts):
    return f"{counts[0]:,} joins and {counts[1]:,} departure{'s' * (counts[1] != 1)} at the server"


def form(context, count, limit):
    with context.mesh(names(count)) as mesh:
        took = mesh.form(names(count), 0.02, limit)
        joined, counts = len(mesh.joined()), server_counts(mesh)
        return Result(
            f"{joined:,} of {count:,} joined, the last after {took:.1f} s; {counts_text(counts)}",
            missing=count - joined, seconds=took, joins=counts[0])


def back(mesh, count, mark, begun, limit):
    """Waits until all peers have joined since `mark`, then 20 s for late reports of departures, and sums both up."""
    joined = mesh.wait_joined(names(count), limit, since=mark)
    took = max(joined.values(), default=begun) - begun
    time.sleep(20)
    gone = len(mesh.lines("- ", since=mark))
    return Result(
        f"{len(joined):,} of {count:,} back, the last after {took:.1f} s; {gone:,} reported as gone",
        missing=count - len(joined), seconds=took, gone=gone)


def restart(context, count):
    with context.mesh(names(count)) as mesh:
        mesh.form(names(count), 0.08, 120)
        time.sleep(3)
        mark = mesh.mark()
        before = server_counts(mesh)
        mesh.kill_server()
        time.sleep(0.2)
        begun = time.monotonic()
        mesh.start_server()
        result = back(mesh, count, mark, begun, 60)
        return Result(f"{result.text}; {counts_text(server_counts(mesh, before))}", **result.figures)


def pause(context, count, length):
    with context.mesh(names(count)) as mesh:
        mesh.form(names(count), 0.05, 120)
        time.sleep(3)
        before = server_counts(mesh)
        processes = [peer.process for peer in mesh.peers.values()]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        time.sleep(length)
        mark, begun = mesh.mark(), time.monotonic()
        for process in processes:
            process.send_signal(signal.SIGCONT)
        # A peer whose session has survived does not print `joined` again.
        whole = [0.0]

        def is_whole():
            joins, departures = server_counts(mesh)
            if joins - departures != count:
                whole[0] = 0.0
            elif not whole[0]:
                whole[0] = time.monotonic()
            return whole[0] and time.monotonic() - whole[0] > 3

        mesh.wait(is_whole, 60)
        took = whole[0] - begun if whole[0] else None
        gone, counts = len(mesh.lines("- ", since=mark)), server_counts(mesh, before)
        return Result(
            f"the server lists all {count:,} after {seconds(took)}; {gone:,} reported as gone to peers; "
            f"{counts_text(counts)}", seconds=took, gone=gone, joins=counts[0])


def newcomer(context, count):
    newcomers = [f"x{index}" for index in range(6)]
    with context.mesh(names(count) + newcomers) as mesh:
        mesh.form(names(count), 0.02, 120)
        time.sleep(2)
        speaks, known = [], []
        for name in newcomers:
            mark = mesh.mark()
            started = mesh.start_peer(name).started
            line = rf"\+ {name} "
            mesh.wait(lambda: name in mesh.joined(mark) and len(mesh.lines(line, mark)) >= count, 30)
            own, heard = mesh.joined(mark).get(name), mesh.lines(line, mark)
            if own:
                speaks.append(own - started)
            if len(heard) >= count:
                known.append(max(line.at for line in heard) - started)
            time.sleep(1)
        return Result(
            f"may speak {milliseconds(speaks)} after its process starts; all list it after {milliseconds(known)} "
            f"({len(speaks)} newcomers)",
            missing=len(newcomers) - min(len(speaks), len(known)),
            milliseconds=statistics.median(speaks) * 1e3 if speaks else None)


def absence(context, count, is_clean):
    """Stops the server while one peer broadcasts, and starts it again after 12 s."""
    with context.mesh(names(count) + ["x0"]) as mesh:
        mesh.form(names(count), 0.05, 120)
        mesh.start_peer("x0", "--broadcast-interval", "100ms")
        mesh.wait(lambda: len(mesh.lines("x0: ")) > 20 * count, 30)
        mark, begun = mesh.mark(), time.monotonic()
        if is_clean:
            mesh.stop_server()
        else:
            mesh.kill_server()
        time.sleep(12)
        mesh.start_server()
        joined = mesh.wait_joined(names(count), 60, since=mark)
        time.sleep(20)
        ended = time.monotonic()
        time.sleep(1)
        heard = [(line, int(line.text.rsplit("_", 1)[1])) for line in mesh.lines(r"x0: x0_broadcast_\d+$")]
        gone = len(mesh.lines("- ", since=mark))
        # The messages that n0 heard between the two times must have arrived at all peers, a little earlier or later.
        first = [(line.at, number) for line, number in heard if line.name == "n0" and begun <= line.at <= ended]
        times = [begun] + sorted(at for at, _ in first) + [ended]
        silence = max(later - earlier for earlier, later in zip(times, times[1:]))
        numbers = range(min(number for _, number in first), max(number for _, number in first) + 1) if first else []
        lost = len(numbers) * count - sum(number in numbers for _, number in heard)
        return Result(
            f"{lost:,} of {len(numbers) * count:,} messages lost, longest silence {seconds(silence)}; "
            f"{len(joined):,} of {count:,} back; {gone:,} reported as gone",
            lost=lost, silence=silence, missing=count - len(joined), gone=gone)


def broadcast(context, count):
    with context.mesh([], "--open") as mesh:
        mesh.start_server()
        report = context.command(
            "swarm", "--server", mesh.address, "--keys", mesh.keys, "--peers", str(count), "--talk", "1s",
            "--duration", f"{count // 50 + 30}s", "--json")
        delay, megabytes = report["delay"], report["memory_bytes"] / 1e6
        took = report["joined_after_ns"] and report["joined_after_ns"] / 1e9
        return Result(
            f"{report['joined']:,} of {count:,} joined, the last after {seconds(took)}; "
            f"{report['lost']:,} of {report['sent']:,} messages lost, delay {delay['p50_ns'] / 1e6:.0f} ms, "
            f"at most {delay['max_ns'] / 1e6:.0f} ms; {report['connections_lost']} connections lost; "
            f"{megabytes:.0f} MB for all peers",
            missing=count - report["joined"], seconds=took, megabytes=megabytes, lost=report["lost"],
            lost_connections=report["connections_lost"])


def stop_full(context, count):
    """Stops the server of many peers, all in one process, by SIGTERM."""
    with context.mesh([], "--open") as mesh:
        mesh.start_server()
        swarm = subprocess.Popen(
            [context.program, "swarm", "--server", mesh.address, "--keys", mesh.keys, "--peers", str(count),
             "--duration", "300s"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            mesh.wait(lambda: mesh.server_lines(r"^\+ ") >= count, 120)
            took = mesh.stop_server()
            told = mesh.server_lines(r"^- ")
            return Result(
                f"SIGTERM ends the server after {seconds(took)}; it printed the end of {told:,} sessions", seconds=took,
                missing=count - told)
        finally:
            swarm.kill()
            swarm.wait()


def simulated_loss(context, percent):
    replaced = expired = lost = 0
    for seed in range(1, LOSS_SEEDS + 1):
        recording = context.command(
            "simulate", "--peers", "50", "--minutes", "5", "--latency", "20ms", "--loss", f"{percent}%",
            "--seed", str(seed), "--json")
        reasons = [stay.get("departure") for stay in recording["stays"]]
        replaced += reasons.count("replaced")
        expired += reasons.count("expired")
        lost += recording["counts"]["connections_lost"]
    return Result(
        f"{replaced} sessions replaced and {expired} expired, {lost} connections lost, in {LOSS_SEEDS} runs of 5 "
        "minutes", replaced=replaced, expired=expired, lost=lost)


def simulated_newcomer(context, members):
    """Simulates newcomers in a large mesh, on a network with a latency of 10 ms."""
    done = subprocess.run(
        [context.program, "simulate", "--scaling", str(members), "--seed", "1"], capture_output=True, text=True,
        timeout=600)
    row = re.search(rf"^\| {members:,} \| ([0-9.]+) s \| ([0-9.]+) s ", done.stdout, re.MULTILINE)
    speaks, known = map(float, row.groups()) if row else (None, None)
    return Result(
        f"may speak after {speaks:.2f} s; all list it after {known:.2f} s (mean of 5 newcomers)", seconds=speaks)


def stalled_stderr(context):
    """Runs a server whose log nobody reads, so that its pipe is full."""
    reading, writing = full_pipe()
    try:
        with context.mesh(names(20)) as mesh:
            with os.fdopen(os.dup(writing), "wb", buffering=0) as errors:
                mesh.start_server(stderr=errors)
            for name in names(20):
                mesh.start_peer(name)
            joined = len(mesh.wait_joined(names(20), 30))
            mark = mesh.mark()
            stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            for size in range(64):
                stranger.sendto(bytes(size), ("127.0.0.1", mesh.port))
            time.sleep(10)
            lost = len(mesh.lines("joined as ", since=mark)) + len(mesh.lines("- ", since=mark))
            took = mesh.stop_server()
            return Result(
                f"{joined} of 20 joined, {lost} lines about lost members in 10 s with garbage; "
                f"SIGTERM ends the server after {seconds(took)}", missing=20 - joined, lost=lost, seconds=took)
    finally:
        os.close(reading)
        os.close(writing)


def stalled_stdout(context):
    """Runs a server and a peer whose output nobody reads, so that their pipes are full."""
    reading, writing = full_pipe()
    try:
        with context.mesh(names(20) + ["x0"]) as mesh:
            with os.fdopen(os.dup(writing), "wb", buffering=0) as output:
                mesh.start_server(stdout=output)
                mesh.start_peer("x0", stdout=output)
            for name in names(20):
                mesh.start_peer(name)
            joined = len(mesh.wait_joined(names(20), 30))
            peer, server = stop(mesh.peers["x0"].process), mesh.stop_server()
            return Result(
                f"{joined} of 20 others joined; SIGTERM ends the peer after {seconds(peer)}, "
                f"the server after {seconds(server)}", missing=20 - joined, seconds=longest([peer, server]))
    finally:
        os.close(reading)
        os.close(writing)


def full_pipe():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, bytes(4096))
    except BlockingIOError:
        os.set_blocking(writing, True)
    return reading, writing


def message_rate(context, senders):
    """Members send messages of the largest size that p2p sends, at the permitted rate, to 20 others."""
    count, length = 20, 10
    talkers = [f"x{index}" for index in range(senders)]
    with context.mesh(names(count) + talkers) as mesh:
        mesh.form(names(count), 0.02, 60)
        for name in talkers:
            mesh.start_peer(name, "--broadcast-interval", "5ms", "--message", f"{name} " + "m" * 1080)
        mesh.wait_joined(talkers, 30)
        time.sleep(2)
        pids = [mesh.peers[name].process.pid for name in names(count)]
        mark, before, begun = mesh.mark(), sum(map(cpu_time, pids)), time.monotonic()
        time.sleep(length)
        used, took = sum(map(cpu_time, pids)) - before, time.monotonic() - begun
        heard = len(mesh.lines(r"x\d+: ", since=mark))
        lost = len(mesh.lines(r"(joined as |- )", since=mark))
        ended = longest(stop(mesh.peers[name].process) for name in (names(count)[0], talkers[0]))
        return Result(
            f"{heard / count / took:.0f} messages per second at each receiver, {used / count / took * 100:.0f} % of a "
            f"core for each; {lost} lines about lost members; SIGTERM ends a receiver and a sender after "
            f"{seconds(ended)}", lost=lost, late=400 - heard / count / took, seconds=ended)


def largest_messages(context):
    """Two members send messages of 65,000 bytes to 4 others, as fast as a sender is permitted to.

    Another member sends short messages meanwhile. All of these must arrive."""
    receivers, length = [f"r{index}" for index in range(4)], 15
    talkers = ["x0", "x1"]
    sender = library_program("LargestMessages")
    with context.mesh(receivers + talkers + ["small"]) as mesh:
        mesh.start_server()
        for name in receivers:
            # The lines have 65,000 bytes, so they are read when the senders have ended.
            with open(os.path.join(mesh.folder, name + ".out"), "wb") as output:
                mesh.start_peer(name, stdout=output)
        started = [
            subprocess.Popen([sender, os.path.join(mesh.keys, name + ".key"), name, mesh.address,
                              os.path.join(mesh.keys, "server.pub")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for name in talkers
        ]
        try:
            mesh.start_peer("small", "--broadcast-interval", "100ms")
            mesh.wait(lambda: server_counts(mesh)[0] == len(receivers) + len(talkers) + 1, 30)
            time.sleep(3)
            pids = [mesh.peers[name].process.pid for name in receivers]
            before, begun = sum(map(cpu_time, pids)), time.monotonic()
            sizes = [os.path.getsize(os.path.join(mesh.folder, name + ".out")) for name in receivers]
            time.sleep(length)
            used, took = sum(map(cpu_time, pids)) - before, time.monotonic() - begun
            rate = min(os.path.getsize(os.path.join(mesh.folder, name + ".out")) - size
                       for name, size in zip(receivers, sizes)) / took / (1 << 20)
            counts = server_counts(mesh)
            ended = stop(mesh.peers[receivers[0]].process)
        finally:
            for process in started:
                process.kill()
                process.wait()
        lost, missing, heard = 0, 0, True
        for name in receivers:
            stop(mesh.peers[name].process)
            numbers = []
            with open(os.path.join(mesh.folder, name + ".out"), "rb") as lines:
                for line in lines:
                    number = re.match(rb"small: small_broadcast_(\d+)$", line)
                    if number:
                        numbers.append(int(number.group(1)))
            heard = heard and bool(numbers)
            missing += max(numbers) - min(numbers) + 1 - len(numbers) if numbers else 0
            with open(os.path.join(mesh.folder, name + ".err")) as log:
                lost += log.read().count("lost the server")
        return Result(
            f"{rate:.1f} MiB per second at each receiver, {used / len(receivers) / took * 100:.0f} % of a core for each; "
            f"{missing} messages of another member lost; {counts[1] + lost} members or connections lost; SIGTERM ends a "
            f"receiver after {seconds(ended)}",
            slow=len(talkers) - rate, missing=missing if heard else None, lost=counts[1] + lost, seconds=ended)


def library_program(name):
    """Builds a program of the folder Snippets, and returns its path."""
    subprocess.run(["swift", "build", "--product", name], check=True, cwd=ROOT, stdout=sys.stderr)
    return os.path.join(ROOT, ".build", "debug", name)


# For each row: the situation, the function that measures it, and the goals of its figures.
ROWS = {
    "form-500": ("500 peers start within 10 s", lambda c: form(c, 500, 75), {"missing": 0, "seconds": 20, "joins": 510}),
    "form-1000": (
        "1,000 peers start within 20 s", lambda c: form(c, 1000, 150), {"missing": 0, "seconds": 90, "joins": 1050}),
    "restart-50": ("the server of 50 is killed and started again", lambda c: restart(c, 50), {"missing": 0, "gone": 0}),
    "restart-200": (
        "the server of 200 is killed and started again", lambda c: restart(c, 200),
        {"missing": 0, "seconds": 6, "gone": 0}),
    "restart-300": (
        "the server of 300 is killed and started again", lambda c: restart(c, 300),
        {"missing": 0, "seconds": 6, "gone": 0}),
    "restart-500": (
        "the server of 500 is killed and started again", lambda c: restart(c, 500),
        {"missing": 0, "seconds": 15, "gone": 0}),
    "pause-300": (
        "all of 300 peers are stopped for 5 s (SIGSTOP)", lambda c: pause(c, 300, 5), {"seconds": 6, "gone": 0, "joins": 30}),
    "newcomer-10": ("a newcomer in a mesh of 10", lambda c: newcomer(c, 10), {"missing": 0}),
    "newcomer-50": ("a newcomer in a mesh of 50", lambda c: newcomer(c, 50), {"missing": 0, "milliseconds": 30}),
    "newcomer-200": ("a newcomer in a mesh of 200", lambda c: newcomer(c, 200), {"missing": 0, "milliseconds": 100}),
    "newcomer-1000": (
        "a newcomer in a simulated mesh of 1,000, 10 ms one way", lambda c: simulated_newcomer(c, 1_000),
        {"seconds": 0.15}),
    "newcomer-10000": (
        "a newcomer in a simulated mesh of 10,000, 10 ms one way", lambda c: simulated_newcomer(c, 10_000),
        {"seconds": 1.5}),
    "stop-50": (
        "the server of 50 stops by SIGTERM for 12 s", lambda c: absence(c, 50, True),
        {"lost": 0, "silence": 1, "missing": 0, "gone": 0}),
    "crash-50": (
        "the server of 50 is killed, and absent for 12 s", lambda c: absence(c, 50, False),
        {"lost": 0, "silence": 1, "missing": 0, "gone": 0}),
    "stop-1000": (
        "the server of 1,000 is stopped by SIGTERM", lambda c: stop_full(c, 1000),
        {"seconds": 2, "missing": 0}),
    "broadcast-1000": (
        "one of 1,000 peers in one process broadcasts every second", lambda c: broadcast(c, 1000),
        {"missing": 0, "seconds": 20, "megabytes": 300, "lost": 0, "lost_connections": 0}),
    "messages-2": (
        "2 peers broadcast 1,083 bytes every 5 ms to 20 others", lambda c: message_rate(c, 2),
        {"lost": 0, "late": 20, "seconds": 2}),
    "messages-large": (
        "2 peers broadcast 65,000 bytes as fast as permitted, 1 MiB per second each", largest_messages,
        {"slow": 0.2, "missing": 0, "lost": 0, "seconds": 2}),
    "loss-1": (
        "1 % of all datagrams are lost, 50 simulated peers", lambda c: simulated_loss(c, 1),
        {"replaced": 0, "expired": 0, "lost": 0}),
    "loss-5": (
        "5 % of all datagrams are lost, 50 simulated peers", lambda c: simulated_loss(c, 5),
        {"replaced": 0, "expired": 0, "lost": 0}),
    "loss-10": (
        "10 % of all datagrams are lost, 50 simulated peers", lambda c: simulated_loss(c, 10),
        {"replaced": 2 * LOSS_SEEDS, "expired": 0}),
    "loss-20": (
        "20 % of all datagrams are lost, 50 simulated peers", lambda c: simulated_loss(c, 20),
        {"replaced": 20 * LOSS_SEEDS, "expired": 0}),
    "stalled-stderr": (
        "nobody reads the server's stderr", stalled_stderr, {"missing": 0, "lost": 0, "seconds": 2}),
    "stalled-stdout": (
        "nobody reads the stdout of the server and of a peer", stalled_stdout, {"missing": 0, "seconds": 2}),
}


def page_rows():
    """Returns the page and the rows of its table by name."""
    with open(PAGE) as file:
        page = file.read()
    head, rest = page.split(BEGIN)
    table, tail = rest.split(END)
    rows = {}
    for line in table.strip().split("\n")[len(HEAD):]:
        name = re.match(r"\| `([a-z0-9-]+)` \|", line)
        if name:
            rows[name.group(1)] = line
    return head, rows, tail


def write(rows):
    """Writes rows into the table of the page, in the order of `ROWS`."""
    head, old, tail = page_rows()
    merged = {**old, **rows}
    lines = HEAD + [merged[name] for name in ROWS if name in merged]
    with open(PAGE, "w") as file:
        file.write(head + BEGIN + "\n" + "\n".join(lines) + "\n" + END + tail)


def main():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--program")
    parser.add_argument("--port", type=int, default=20000)
    parser.add_argument("-h", "--help", action="store_true")
    arguments = parser.parse_args()
    if arguments.help:
        print(__doc__.strip())
        return
    if arguments.list:
        for name, (situation, _, _) in ROWS.items():
            print(f"{name:<16}{situation}")
        return
    chosen = arguments.rows.split(",")
    for name in chosen:
        if name not in ROWS:
            sys.exit(f"stress: error: no row {name}\nstress: hint: 'scripts/stress table --list' prints all")
    if arguments.program is None:
        subprocess.run([os.path.join(ROOT, "scripts", "build")], check=True, stdout=sys.stderr)
    program = os.path.abspath(arguments.program or os.path.join(ROOT, ".build-release", "release", "p2p"))
    if not os.access(program, os.X_OK):
        sys.exit(f"stress: error: no program at {program}\nstress: hint: give the path of p2p")
    rows, failures = {}, []
    print("\n".join(HEAD), flush=True)
    for name in chosen:
        situation, measure, goals = ROWS[name]
        result = measure(Context(program, arguments.port))
        rows[name] = f"| `{name}` | {situation} | {result.text} |"
        failures += [f"{name}: {failure}" for failure in result.failures(goals)]
        print(rows[name], flush=True)
        if arguments.write:
            write(rows)
    for failure in failures:
        print(f"failed: {failure}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
