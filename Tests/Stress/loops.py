"""Loads a server with thousands of members, and compares one event loop with several.

    scripts/stress loops [--loops N,N...] [--members N] [--program FILE]
    scripts/stress loops --live SECONDS --members N --heartbeat INTERVAL [--status] [--fair] [--trust]
                         [--loops N,N...] [--program FILE]

    --loops NUMBERS       numbers of event loops (1,2)
    --members N           members (1000)
    --live SECONDS        let the members send heartbeats for this time, in place of the comparison
    --heartbeat INTERVAL  time between the heartbeats of a member, with --live (1s)
    --status              ask the server for the status of all members once a second, with --live
    --fair                give the members no real-time priority. With it, they can take the cores from the threads of
                          the server that answer requests, which members on other hosts cannot
    --trust               let the members not verify the server's signatures, so that they leave it more CPU time; with
                          --live
    --program FILE        an existing p2p, in place of the one that scripts/build builds

The members are lightweight, in one process with one thread (Benchmarks, MemberLoad): they join, verify each PULSE and
sign each heartbeat, as peers do, but keep no directory. Complete peers would need 30 GB of memory for 10,000 members.

In a mesh of more than 1,250 members, the server lists 12 newcomers per second, and up to 48 if the members keep up. So
5,000 members have joined after two minutes, and 10,000 after four to fourteen.

The comparison sends the server 40 heartbeats of each member, as fast as the server reads them. They are signed in
advance. It prints how many the server handles per second and per second of its CPU time. This needs a quiet machine.
The generator uses the same cores, and its share of them is printed too.

--live prints how many members the server has lost, and the delay of its answers to heartbeats. For that, every second
heartbeat of each fiftieth member is not sent, because the server answers the heartbeat after a lost one at once. It
also prints the CPU time of the server for a heartbeat and all that follows from it, compared with the CPU time that a
verification takes in the generator meanwhile, and the memory that the server has written since its start.
"""
import argparse
import json
import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from network import program  # noqa: E402
from process import cpu_time, free_port, thread_times, used_since, written  # noqa: E402
from real_mesh import RealMesh  # noqa: E402
from status import ask  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRATCH = os.path.join(ROOT, ".build-benchmarks")


def build():
    subprocess.run(["swift", "build", "-c", "release", "--package-path", os.path.join(ROOT, "Benchmarks"),
                    "--scratch-path", SCRATCH, "--product", "CoreBenchmarks"], check=True, stdout=sys.stderr)
    return os.path.join(SCRATCH, "release", "CoreBenchmarks")


def raise_priority():
    """Gives the generator a higher real-time priority than the server's event loops have, if the system permits it."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(2))
    except PermissionError:
        print("loops: warning: no real-time priority: the event loops get the cores before the generator",
              file=sys.stderr)


def ask_each_second(path, ended, times):
    """Asks for the status until `ended` is set, and adds the milliseconds of each answer to `times`."""
    while not ended.wait(1):
        times.append(ask(path, "/v1/status")[1] * 1000)


def start_load(generator, mesh, members, what, trust, prepare=None):
    """Starts lightweight members of a mesh. `prepare` is called in the new process."""
    with open(os.path.join(mesh.keys, "server.pub")) as file:
        key = next(line.split()[-1] for line in file if line.strip() and not line.startswith("#"))
    return subprocess.Popen(
        [generator, "--load", str(mesh.port), key, str(members), what, "trust" if trust else "verify"],
        stdout=subprocess.PIPE, text=True, preexec_fn=prepare)


def run(binary, generator, loops, members, heartbeat, lifetime, what, status=False, fair=False, trust=False):
    """Returns the generator's report, with the CPU time of both processes while it measured, and the lost members.

    With `status` it also has the milliseconds of the answers to requests for the status, in ascending order.
    """
    options = ["--open", "--max-peers", str(max(members, 1)), "--heartbeat", heartbeat, "--lifetime", lifetime]
    if loops > 1:
        options += ["--event-loops", str(loops)]
    port = free_port()
    with RealMesh(binary, [], port, options) as mesh:
        control = os.path.join(mesh.folder, "s.sock")
        mesh.server_options += ["--control", control]
        mesh.start_server()
        server = mesh.server
        memory = written(server.pid)
        load = start_load(generator, mesh, members, what, trust, None if fair else raise_priority)
        try:
            joined = load.stdout.readline().strip()
            if load.stdout.readline().strip() != "begins":
                sys.exit(f"loops: error: the members have not joined: {joined}")
            print(f"loops: {joined}", file=sys.stderr)
            left, before, own = mesh.server_lines(r"^- "), thread_times(server.pid), cpu_time(load.pid)
            ended, times = threading.Event(), []
            asking = threading.Thread(target=ask_each_second, args=(control, ended, times), daemon=True)
            if status:
                asking.start()
            report = json.loads(load.stdout.readline())
            ended.set()
            if status:
                asking.join()
            report["status"] = sorted(times)
            used = used_since(server.pid, before)
            report["threads"] = sorted(used.values(), reverse=True)[:loops]
            report["server"] = sum(used.values())
            report["memory"] = written(server.pid) - memory
            report["left"] = mesh.server_lines(r"^- ") - left
            # The process may have ended. Its parent has not waited for it yet, so the system still knows its CPU times.
            report["generator"] = (cpu_time(load.pid) - own) * 1e9
        finally:
            if load.poll() is None:
                load.kill()
            load.wait()
        return report


def main():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("--loops", default="1,2")
    parser.add_argument("--members", type=int, default=1_000)
    parser.add_argument("--live", type=int)
    parser.add_argument("--heartbeat", default="1s")
    parser.add_argument("--status", action="store_true")
    parser.add_argument("--fair", action="store_true")
    parser.add_argument("--trust", action="store_true")
    parser.add_argument("--program")
    parser.add_argument("-h", "--help", action="store_true")
    options = parser.parse_args()
    if options.help:
        print(__doc__.strip())
        return
    binary, generator = program(options.program), build()
    numbers = [int(number) for number in options.loops.split(",")]
    if options.live:
        for loops in numbers:
            report = run(binary, generator, loops, options.members, options.heartbeat, "6s", str(options.live),
                         options.status, options.fair, options.trust)
            print(f"{loops} event loops, {options.members:,} members, heartbeats every {options.heartbeat}: "
                  f"{report['left']} lost by the server, {report['goodbyes']} dismissed, {report['silent']} without a "
                  f"PULSE at the end; delay {report['p50'] / 1e6:.1f} ms, p99 {report['p99'] / 1e6:.1f} ms, at most "
                  f"{report['max'] / 1e6:.1f} ms ({report['probes']:,} answers); {report['heartbeats']:,} heartbeats; "
                  f"server {report['server'] / report['nanoseconds']:.2f} cores (event loops "
                  + ", ".join(f"{time / report['nanoseconds']:.2f}" for time in report["threads"])
                  + f"), {report['server'] / report['heartbeats'] / 1e3:.1f} µs per heartbeat, "
                  f"{report['server'] / report['heartbeats'] / report['verification']:.2f} times a verification "
                  f"({report['verification'] / 1e3:.1f} µs); generator {report['generator'] / report['nanoseconds']:.2f} "
                  f"cores, its longest pause {report['longestTurn'] / 1e6:.0f} ms; memory of the server "
                  f"{report['memory'] / 1024:.1f} MiB beyond that at its start, "
                  f"{report['memory'] / options.members:.2f} KiB per member")
            if times := report["status"]:
                print(f"{len(times)} requests for the status: {times[len(times) // 2]:.1f} ms median, "
                      f"{times[int(len(times) * 0.99)]:.1f} ms p99, {times[-1]:.1f} ms most; "
                      f"{sum(time <= 50 for time in times)} within 50 ms")
        return
    print("| event loops | heartbeats per second | ratio | CPU time per heartbeat | event loops' shares of a core "
          "| generator |\n|---:|---:|---:|---:|---|---:|")
    first = None
    for loops in numbers:
        report = run(binary, generator, loops, options.members, "2s", "60s", "blast")
        rate = report["heartbeats"] / report["nanoseconds"] * 1e9
        first = first or rate
        print(f"| {loops} | {rate:,.0f} | {rate / first:.2f} | {report['server'] / report['heartbeats'] / 1e3:.1f} µs | "
              + ", ".join(f"{time / report['nanoseconds']:.2f}" for time in report["threads"])
              + f" | {report['generator'] / report['nanoseconds']:.2f} |")
        if report["lost"]:
            print(f"loops: warning: the server's sockets have lost {report['lost']:,} heartbeats", file=sys.stderr)


if __name__ == "__main__":
    main()
