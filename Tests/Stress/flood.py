"""Floods a server in network namespaces with 50 members that talk.

    scripts/stress flood [--members N] [--seconds S] [--rate R] [--busy N] [--program FILE]

Each case floods for S seconds (60) with R datagrams per second (200,000): random bytes, forged HELLOs, true HELLOs
that are repeated, and forged HEARTBEATs, each from one source and from 65,536 forged ones. --busy runs N busy loops on
the same host. Prints a table, and fails if a member or a message is lost, if memory grows, or if the log has more than
one line per reason in 10 s. Without --busy it also fails if the log does not count the datagrams, if a newcomer takes
longer than 1 s (3 s with HELLOs), if random bytes or HEARTBEATs take more than a tenth of a core of the server, or if
less than nine tenths of the rate were sent. Needs root.
"""
import argparse
import subprocess
import sys
import time

from network import Mesh, Network, check_requirements, program
from process import cpu_time, forget_most_resident, most_resident, resident


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--program')
    parser.add_argument('--members', type=int, default=50)
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--rate', type=int, default=200_000)
    parser.add_argument('--busy', type=int, default=0)
    parser.add_argument('--only', help='a kind of flood')
    options = parser.parse_args()
    check_requirements()
    options.program = program(options.program)

    network = Network()
    mesh = Mesh(network, options.program)
    kinds = ['random', 'heartbeat', 'hello', 'replay']
    cases = [(kind, count) for kind in kinds for count in (1, 65_536) if options.only in (None, kind)]
    members = [f'm{index}' for index in range(options.members)]
    newcomers = [f'x{index}' for index in range(len(cases))]
    known = [f'k{index}' for index in range(8)]
    mesh.make_keys([*members, *newcomers, *known])
    hellos = f'{network.folder}/hellos'
    with open(hellos, 'wb') as file:
        file.write(b''.join(mesh.capture_hellos(known)))
    mesh.start_server()
    for name in members:
        mesh.start_peer(name, '--broadcast-interval', '2s')
        time.sleep(0.05)
    mesh.wait(lambda: len({who for _, who, _ in mesh.find(None, '^joined')}) == len(members), 60, 'all have joined')
    time.sleep(3)
    server = server_process(mesh)
    busy = [subprocess.Popen([sys.executable, '-c', 'while True: pass']) for _ in range(options.busy)]
    try:
        print('| flood | sources | offered/s | members lost | messages lost | server CPU | MiB before, most '
              '| newcomer | log lines |')
        print('|---|---|---|---|---|---|---|---|---|')
        failures = [failure for case, newcomer in zip(cases, newcomers)
                    for failure in flood(mesh, server, members, newcomer, hellos, options, *case)]
    finally:
        for process in busy:
            process.kill()
            process.wait()
    for failure in failures:
        print(f'failed: {failure}')
    sys.exit(1 if failures else 0)


def server_process(mesh):
    """The process of the server. 'ip netns exec' keeps its process id, because it calls exec."""
    return mesh.processes['server'].pid


def flood(mesh, server, members, newcomer, hellos, options, kind, count):
    source = '10.77.0.2' if count == 1 else '10.78.0.0'
    forget_most_resident(server)
    begun, used, memory = time.monotonic(), cpu_time(server), resident(server)
    sender = mesh.network.send(
        kind, mesh.server_address, options.rate, options.seconds, source, count, hellos if kind == 'replay' else None)
    time.sleep(options.seconds / 3)
    joined = mesh.time_to_join(newcomer, mesh.start_peer(newcomer), options.seconds / 2)
    offered = int(sender.communicate()[0] or 0)
    ended = time.monotonic()
    share, most_memory = (cpu_time(server) - used) / (ended - begun), most_resident(server)
    # In this time, the last log lines about the flood become due.
    time.sleep(11)
    arrived, messages_lost = mesh.messages(members, begun, time.monotonic())
    lost, log = mesh.lost_connections(begun), mesh.log_lines(begun)
    mesh.end(newcomer)
    time.sleep(1)

    lines = ', '.join(f'{reason} {lines}: {total:,}' for reason, (lines, total) in log.items())
    print(f'| {kind} | {count:,} | {offered / options.seconds:,.0f} | {lost} | {messages_lost} of {arrived:,} '
          f'| {share:.0%} | {memory:.1f}, {most_memory:.1f} | {f"{joined:.2f} s" if joined else "never"} | {lines} |',
          flush=True)
    limit = 3 if kind in ('hello', 'replay') else 1
    # The largest number of log lines per reason: the first line comes at once, and then one line every 10 s.
    most = (time.monotonic() - begun) / 10 + 1
    counted = sum(total for _, total in log.values())
    checks = [
        (lost == 0, f'{lost} connections lost'),
        (messages_lost == 0, f'{messages_lost} messages lost'),
        # When the ring buffer of pending handshakes is full, it takes up to 5 MiB.
        (most_memory - memory < 8, f'memory grew by {most_memory - memory:.1f} MiB'),
        (joined is not None and (joined <= limit or options.busy > 0), f'the newcomer took more than {limit} s'),
        (share <= 0.1 or limit == 3 or options.busy > 0, f'the server took {share:.0%} of a core'),
        (all(lines <= most for lines, _ in log.values()), 'more than one log line per reason in 10 s'),
        (log, 'the log does not mention the flood'),
        # The log counts all random bytes and HEARTBEATs, and those HELLOs that the server refuses.
        (counted > 0.8 * offered or limit == 3 or options.busy > 0, f'the log counts {counted:,} of {offered:,}'),
        (offered >= 0.9 * options.rate * options.seconds or options.busy > 0, f'only {offered:,} were sent'),
    ]
    return [f'{kind} from {count:,}: {text}' for holds, text in checks if not holds]


main()
