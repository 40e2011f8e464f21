"""Runs a server with several addresses, and peers behind stateful firewalls, in network namespaces.

    scripts/stress addresses [--program FILE]

The server listens on a wildcard address. The firewall of each host passes datagrams of flows
that the host itself has begun, and HELLOs at the server's port. It drops all others. So it drops an answer that comes
from another address than the request was sent to. Each case is run with IPv4 and with IPv6:

    each address    a peer joins at each of the server's addresses, and a firewall keeps none of them out
    new address     a peer joins at an address that the server's host gets later
    back again      an address is removed and added again, and its peer is a member again
    other source    a message leaves from the address that the directory lists, although the route prefers another one

Prints a table, and fails if a case does not hold. Needs root and nft.
"""
import argparse
import subprocess
import sys
import time

from network import PORT, Mesh, Network, check_requirements, program, run

RULES = """
table inet p2p {
    chain input {
        type filter hook input priority 0; policy drop;
        iif lo accept
        ct state established,related accept
        meta l4proto { icmp, icmpv6 } accept
        %s
    }
}
"""


class Hosts:
    """The addresses of one family, and how to change those of the server's host."""

    def __init__(self, network, is_ipv6):
        self.network, self.is_ipv6 = network, is_ipv6
        self.family = '-6' if is_ipv6 else '-4'
        self.prefix, self.length, self.single = ('fd00:77::', 64, 128) if is_ipv6 else ('10.77.0.', 24, 32)

    def address(self, last):
        return f'{self.prefix}{last}'

    def target(self, last):
        return f'[{self.address(last)}]:{PORT}' if self.is_ipv6 else f'{self.address(last)}:{PORT}'

    def change(self, what, host, last):
        flags = ['nodad'] if self.is_ipv6 and what == 'add' else []
        run('ip', '-n', host, 'address', what, f'{self.address(last)}/{self.length}', 'dev', 'p2p0', *flags)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--program')
    options = parser.parse_args()
    check_requirements('nft')
    options.program = program(options.program)
    print('| family | each address | new address | back again | other source |')
    print('|---|---|---|---|---|')
    failures = [failure for is_ipv6 in (False, True) for failure in run_cases(options.program, is_ipv6)]
    for failure in failures:
        print(f'failed: {failure}')
    sys.exit(1 if failures else 0)


def run_cases(binary, is_ipv6):
    network = Network()
    hosts = Hosts(network, is_ipv6)
    for host, rule in ((network.server_host, f'udp dport {PORT} accept'), (network.other_host, '')):
        subprocess.run(network.command(host, 'nft', '-f', '-'), input=RULES % rule, text=True, check=True)
    mesh = Mesh(network, binary, is_ipv6)
    mesh.make_keys(['A', 'B', 'C', 'D', 'E'])
    hosts.change('add', network.server_host, 3)
    mesh.start_server(listen=f'[::]:{PORT}' if is_ipv6 else f'0.0.0.0:{PORT}')
    port = 3001

    def start(name, last, host=None):
        nonlocal port
        port += 1
        begun = time.monotonic()
        mesh.start(name, host or network.other_host, 'peer', name, str(port), '--server', hosts.target(last),
                   '--broadcast-interval', '200ms')
        return begun

    def joins(name, begun):
        taken = mesh.time_to_join(name, begun, 8)
        return f'{taken:.2f} s' if taken else 'never'

    each = [joins('A', start('A', 1)), joins('B', start('B', 3))]
    hosts.change('add', network.server_host, 4)
    new = joins('C', start('C', 4))

    hosts.change('delete', network.server_host, 4)
    mesh.wait(lambda: mesh.find('server', r'^- C ') or new == 'never', 20, 'C is lost')
    begun = time.monotonic()
    hosts.change('add', network.server_host, 4)
    back = 'never'
    while time.monotonic() < begun + 15 and back == 'never':
        joined = mesh.find('C', '^joined', begun)
        if joined:
            back = f'{joined[0][0] - begun:.2f} s'
        time.sleep(0.05)

    # The server sees D at .2. The route from D to E, which is at .1, prefers .5 as the source.
    hosts.change('add', network.other_host, 5)
    run('ip', hosts.family, '-n', network.other_host, 'route', 'add', f'{hosts.address(1)}/{hosts.single}', 'dev',
        'p2p0', 'src', hosts.address(5))
    joins('D', start('D', 3))
    begun = start('E', 3, network.server_host)
    joins('E', begun)
    other = 'never'
    while time.monotonic() < begun + 15 and other == 'never':
        heard = mesh.find('E', '^D: ')
        if heard:
            other = f'{heard[0][0] - begun:.2f} s'
        time.sleep(0.05)

    family = 'IPv6' if is_ipv6 else 'IPv4'
    print(f'| {family} | {", ".join(each)} | {new} | {back} | {other} |', flush=True)
    mesh.stop()
    network.remove()
    cases = [('each address', each), ('new address', [new]), ('back again', [back]), ('other source', [other])]
    return [f'{family}: {name}' for name, times in cases if 'never' in times]


main()
