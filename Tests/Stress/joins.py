"""Measures how fast newcomers are listed by all, and what it costs a server when all members join at once, or resume.

    scripts/stress joins [--peers N,N...] [--together N,N...] [--resumed N,N... [--lightweight]]
                         [--newcomers N] [--program FILE]

    --peers NUMBERS     sizes of the meshes that newcomers join (50,1000)
    --together NUMBERS  numbers of peers that join a new server within a second, as after its restart (300,1000)
    --resumed NUMBERS   numbers of members of a server with --state that is killed and started again (1000)
    --lightweight       use lightweight members for this, as 'scripts/stress loops' does. 5,000 complete peers cannot
                        join on the cores of the server, because each of them handles each join
    --newcomers N       newcomers per mesh (10)
    --program FILE      an existing p2p, in place of the one that scripts/build builds

Complete peers run in one process (p2p swarm), on the same cores as the server. The times need a quiet machine. The CPU
time of the server counts from its start until all peers may send messages, or until it has answers from all members
that it has kept; for these measurements the heartbeat is 2 s.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from loops import build, start_load  # noqa: E402
from network import program  # noqa: E402
from process import free_port, thread_times  # noqa: E402
from real_mesh import RealMesh  # noqa: E402


def start_swarm(mesh, count, gap, *options):
    errors = open(os.path.join(mesh.folder, "swarm.err"), "w")
    with errors:
        return subprocess.Popen(
            [mesh.program, "swarm", "--server", mesh.address, "--keys", mesh.keys, "--peers", str(count), "--gap", gap,
             "--json", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)


def have_joined(mesh, swarm, count):
    """Asks the swarm for a summary, and returns true if all peers may send messages."""
    time.sleep(0.2)
    swarm.send_signal(signal.SIGUSR1)
    with open(os.path.join(mesh.folder, "swarm.err")) as file:
        return f"{count:,} of {count:,} joined" in file.read()


def measure_newcomers(binary, count, newcomers):
    with RealMesh(binary, [], free_port(), ["--open"]) as mesh:
        mesh.start_server()
        swarm = start_swarm(mesh, count, "20ms", "--prefix", "m", "--newcomers", str(newcomers))
        try:
            last = rf"^\+ m{count + newcomers - 1} "
            if not mesh.wait(lambda: mesh.server_lines(last), 240 + 3 * newcomers):
                sys.exit(f"stress: error: not all newcomers joined a mesh of {count}")
            time.sleep(1)
            swarm.send_signal(signal.SIGINT)
            report = json.loads(swarm.communicate()[0])
        finally:
            swarm.kill()
            swarm.wait()
    listed = report["time_to_be_listed"]
    print(f"| {count:,} | {listed['count']} | {listed['p50_ns'] / 1e6:.1f} ms | {listed['max_ns'] / 1e6:.1f} ms |",
          flush=True)


def measure_together(binary, count):
    # Heartbeats are rare here, so joins use nearly all of the CPU time.
    with RealMesh(binary, [], free_port(), ["--open", "--heartbeat", "2s", "--lifetime", "6s"]) as mesh:
        mesh.start_server()
        begun = time.monotonic()
        swarm = start_swarm(mesh, count, f"{1000 // count or 1}ms")
        try:
            mesh.wait(lambda: mesh.server_lines(r"^\+ "), 10)
            if not mesh.wait(lambda: have_joined(mesh, swarm, count), 120):
                sys.exit(f"stress: error: not all of {count} peers may speak after 120 s")
            took, used = time.monotonic() - begun, sum(thread_times(mesh.server.pid).values()) / 1e9
            joins = mesh.server_lines(r"^\+ ")
        finally:
            swarm.kill()
            swarm.wait()
    print(f"| {count:,} | {took:.1f} s | {joins:,} | {used:.2f} s | {used * 1e6 / joins:.0f} µs |", flush=True)


def start_lightweight(mesh, count, generator):
    return start_load(generator, mesh, count, "900", trust=False)


def start_complete(mesh, count, _):
    # Among thousands of members on the cores of the server, peers must not join faster than they can be listed.
    return start_swarm(mesh, count, "40ms" if count > 1000 else "5ms")


def measure_resumed(binary, count, start, generator):
    options = ["--open", "--heartbeat", "2s", "--lifetime", "6s", "--max-peers", str(count)]
    with RealMesh(binary, [], free_port(), options) as mesh:
        control, state = os.path.join(mesh.folder, "server.sock"), os.path.join(mesh.folder, "members")
        mesh.server_options += ["--state", state, "--control", control]
        mesh.start_server()
        members = start(mesh, count, generator)
        try:
            # The file has 256 bytes for each listed member.
            if not mesh.wait(lambda: os.path.getsize(state) > count * 256, 900):
                sys.exit(f"stress: error: the server did not list {count} members in 15 minutes")
            time.sleep(5)
            mesh.kill_server()
            joins, leaves = mesh.server_lines(r"^\+ "), mesh.server_lines(r"^- ")
            begun, alive = time.monotonic(), 0
            mesh.start_server()
            # A server makes 3,000 RESUMEs per second.
            time.sleep(count / 3000)
            while alive < count:
                time.sleep(0.2)
                status = subprocess.run([mesh.program, "status", "--json", "--control", control], capture_output=True,
                                        check=True)
                alive = json.loads(status.stdout)["counts"].get("alive", 0)
                took, used = time.monotonic() - begun, sum(thread_times(mesh.server.pid).values()) / 1e9
                if took > 30:
                    sys.exit(f"stress: error: only {alive} of {count} members were resumed")
            # Within this time, the server removes the members that it has lost.
            time.sleep(15)
            # The new server prints a line for each member that it has kept.
            joins, leaves = mesh.server_lines(r"^\+ ") - joins - count, mesh.server_lines(r"^- ") - leaves
        finally:
            members.kill()
            members.wait()
    print(f"| {count:,} | {took:.1f} s | {used:.2f} s | {used * 1e6 / count:.0f} µs | {joins:,} | {leaves:,} |",
          flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("--peers", default="50,1000")
    parser.add_argument("--together", default="300,1000")
    parser.add_argument("--resumed", default="1000")
    parser.add_argument("--lightweight", action="store_true")
    parser.add_argument("--newcomers", type=int, default=10)
    parser.add_argument("--program")
    parser.add_argument("-h", "--help", action="store_true")
    options = parser.parse_args()
    if options.help:
        print(__doc__.strip())
        return
    # `sys.exit` ends the processes in the same way as any other exit of this program.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    binary, generator = program(options.program), build() if options.lightweight else None
    print("| members | newcomers | listed by all after (median) | at most |\n|---:|---:|---:|---:|")
    for count in filter(None, options.peers.split(",")):
        measure_newcomers(binary, int(count), options.newcomers)
    print("\n| members | all may speak after | joins | CPU time of the server | per join |\n"
          "|---:|---:|---:|---:|---:|")
    for count in filter(None, options.together.split(",")):
        measure_together(binary, int(count))
    print("\n| members | all resumed after | CPU time of the server | per member | joins | lost members |\n"
          "|---:|---:|---:|---:|---:|---:|")
    for count in filter(None, options.resumed.split(",")):
        measure_resumed(binary, int(count), start_lightweight if options.lightweight else start_complete, generator)


main()
