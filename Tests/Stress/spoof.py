"""Sends a server HELLOs whose answers cannot be delivered, in network namespaces, with two members that talk.

    scripts/stress spoof [--seconds S] [--rates R,R,…] [--program FILE]

The sources are unused addresses of the server's own subnet (IPv4 and IPv6), addresses without a route (IPv4 and IPv6),
and the subnet's broadcast address. Each case lasts S seconds (12), at 100, 3,000 and 12,000 HELLOs per second. Prints a
table, and fails if a member is lost, if a newcomer takes longer than 1 s at up to 3,000 per second, if the log does not
say what was dropped, or if less than nine tenths of the HELLOs were sent. Needs root.
"""
import argparse
import sys
import time

from network import Mesh, Network, check_requirements, program
from process import cpu_time

# The columns are: name, IPv6, reverse path filter, first source, number of sources, and reasons. The log must have at
# least one of the reasons.
CASES = [
    ('unused, IPv4', False, 1, '10.77.0.10', 240, {'answersDropped'}),
    ('unused, IPv6', True, 1, 'fd00:77::1:0', 1 << 20, {'answersDropped', 'sendRefused'}),
    ('no route, IPv4', False, 0, '198.18.0.0', 1 << 16, {'sendRefused'}),
    ('no route, IPv6', True, 0, '2001:db8::', 1 << 16, {'sendRefused'}),
    ('broadcast', False, 0, '10.77.0.255', 1, {'sendRefused'}),
]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--program')
    parser.add_argument('--seconds', type=float, default=12)
    parser.add_argument('--rates', default='100,3000,12000')
    parser.add_argument('--only', help='a part of the name of a case')
    options = parser.parse_args()
    check_requirements()
    options.program = program(options.program)
    print('| sources | HELLOs/s | members lost | messages lost | newcomer | server CPU | log lines |')
    print('|---|---|---|---|---|---|---|')
    failures = [
        failure for case in CASES if options.only is None or options.only in case[0]
        for failure in spoof(options, *case)
    ]
    for failure in failures:
        print(f'failed: {failure}')
    sys.exit(1 if failures else 0)


def spoof(options, name, is_ipv6, reverse_path_filter, source, count, reasons):
    rates = [int(rate) for rate in options.rates.split(',')]
    network = Network(reverse_path_filter)
    mesh = Mesh(network, options.program, is_ipv6)
    newcomers = [f'x{rate}' for rate in rates]
    mesh.make_keys(['A', 'B', *newcomers], ['stranger'])
    hello = f'{network.folder}/hello'
    with open(hello, 'wb') as file:
        file.write(mesh.capture_hellos(['stranger'])[0])
    mesh.start_server()
    for member in ('A', 'B'):
        mesh.start_peer(member, '--broadcast-interval', '500ms')
    mesh.wait(lambda: len(mesh.find(None, '^[AB]: ')) > 2, 20, 'A and B talk')
    server = mesh.processes['server'].pid
    failures = []
    for rate, newcomer in zip(rates, newcomers):
        begun, used = time.monotonic(), cpu_time(server)
        sender = network.send('replay', mesh.server_address, rate, options.seconds, source, count, hello)
        time.sleep(options.seconds / 4)
        joined = mesh.time_to_join(newcomer, mesh.start_peer(newcomer), options.seconds / 2)
        sent = int(sender.communicate()[0] or 0)
        share = (cpu_time(server) - used) / (time.monotonic() - begun)
        time.sleep(2)
        arrived, messages_lost = mesh.messages(['A', 'B'], begun, time.monotonic())
        lost, log = mesh.lost_connections(begun), mesh.log_lines(begun)
        mesh.end(newcomer)
        # In this time, the last answers leave the send buffer, and a new log line per reason becomes due.
        time.sleep(11)
        lines = ', '.join(f'{reason} {lines}: {total:,}' for reason, (lines, total) in log.items())
        print(f'| {name} | {rate:,} | {lost} | {messages_lost} of {arrived} '
              f'| {f"{joined:.2f} s" if joined else "never"} | {share:.0%} | {lines} |', flush=True)
        checks = [
            (lost == 0, f'{lost} connections lost'),
            (messages_lost == 0, f'{messages_lost} messages lost'),
            (joined is not None and joined <= 1 or rate > 3_000, 'the newcomer took more than 1 s'),
            (sent >= 0.9 * rate * options.seconds, f'only {sent:,} HELLOs were sent'),
            (reasons & set(log) or rate < 3_000, f'the log does not mention {" or ".join(sorted(reasons))}'),
        ]
        failures += [f'{name} at {rate:,}/s: {text}' for holds, text in checks if not holds]
    mesh.stop()
    network.remove()
    return failures


main()
