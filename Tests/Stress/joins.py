"""Measures how fast newcomers are listed by all, and what it costs a server when all members join again.

    scripts/stress joins [--peers N,N...] [--rejoin N,N...] [--newcomers N] [--program FILE]

    --peers NUMBERS   sizes of the meshes that newcomers join (50,1000)
    --rejoin NUMBERS  sizes of the meshes whose server is killed and started again (300,1000)
    --newcomers N     newcomers per mesh (10)
    --program FILE    an existing p2p, in place of the one that scripts/build builds

All peers run in one process (p2p swarm), on the cores of the server. The times need a quiet machine. The CPU time of a
server is that of the first 10 s after its start, less what the same members need for 10 s of heartbeats.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from network import program  # noqa: E402
from real_mesh import RealMesh  # noqa: E402

REJOIN_TIME, REST_TIME = 10, 5


def cpu_time(process):
    """The CPU time of a process, in seconds."""
    folder = f"/proc/{process.pid}/task"
    total = 0
    for thread in os.listdir(folder):
        with open(f"{folder}/{thread}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def start_swarm(mesh, count, *options):
    return subprocess.Popen(
        [mesh.program, "swarm", "--server", mesh.address, "--keys", mesh.keys, "--peers", str(count), "--gap", "5ms",
         "--json", "--quiet", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


def wait_joins(mesh, count, limit):
    if not mesh.wait(lambda: mesh.server_lines(r"^\+ ") >= count, limit):
        sys.exit(f"stress: error: {mesh.server_lines(r'^[+] ')} of {count} peers joined in {limit} s")


def measure_newcomers(binary, count, newcomers, port):
    with RealMesh(binary, [], port, ["--open"]) as mesh:
        mesh.start_server()
        swarm = start_swarm(mesh, count, "--newcomers", str(newcomers))
        try:
            wait_joins(mesh, count + newcomers, 120 + 3 * newcomers)
            time.sleep(1)
            swarm.send_signal(signal.SIGINT)
            report = json.loads(swarm.communicate()[0])
        finally:
            swarm.kill()
            swarm.wait()
    listed = report["time_to_be_listed"]
    print(f"| {count:,} | {listed['count']} | {listed['p50_ns'] / 1e6:.1f} ms | {listed['max_ns'] / 1e6:.1f} ms |",
          flush=True)


def measure_rejoin(binary, count, port):
    with RealMesh(binary, [], port, ["--open"]) as mesh:
        mesh.start_server()
        swarm = start_swarm(mesh, count)
        try:
            wait_joins(mesh, count, 180)
            time.sleep(5)
            before, begun = cpu_time(mesh.server), time.monotonic()
            time.sleep(REST_TIME)
            rest = (cpu_time(mesh.server) - before) / (time.monotonic() - begun)
            mesh.kill_server()
            joins = mesh.server_lines(r"^\+ ")
            begun = time.monotonic()
            mesh.start_server()
            wait_joins(mesh, joins + count, 180)
            took = time.monotonic() - begun
            time.sleep(max(begun + REJOIN_TIME - time.monotonic(), 0))
            used, length = cpu_time(mesh.server), time.monotonic() - begun
            joins = mesh.server_lines(r"^\+ ") - joins
        finally:
            swarm.kill()
            swarm.wait()
    print(f"| {count:,} | {took:.1f} s | {joins:,} | {used - rest * length:.2f} s | {rest * 1e6 / count / 2:.0f} µs |",
          flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("--peers", default="50,1000")
    parser.add_argument("--rejoin", default="300,1000")
    parser.add_argument("--newcomers", type=int, default=10)
    parser.add_argument("--port", type=int, default=20000)
    parser.add_argument("--program")
    parser.add_argument("-h", "--help", action="store_true")
    options = parser.parse_args()
    if options.help:
        print(__doc__.strip())
        return
    binary = program(options.program)
    print("| members | newcomers | listed by all after (median) | at most |\n|---:|---:|---:|---:|")
    for count in filter(None, options.peers.split(",")):
        measure_newcomers(binary, int(count), options.newcomers, options.port)
    print("\n| members | all are back after | joins | CPU time of the server for it | per heartbeat at rest |\n"
          "|---:|---:|---:|---:|---:|")
    for count in filter(None, options.rejoin.split(",")):
        measure_rejoin(binary, int(count), options.port)


main()
