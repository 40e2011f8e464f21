"""Sends acknowledged messages to all members of a mesh on a network that loses datagrams.

    scripts/stress loss [--members N] [--loss PERCENT] [--rounds N] [--program FILE]

The processes are in two network namespaces whose filters drop a share of all datagrams, also of the heartbeats.
Each round is 'p2p send --all' with its timeout of 3 s. Prints the receivers that acknowledged each message, its time,
and how often members got a message twice. Fails if a member misses a message, or gets one twice. Needs root and nft.
"""
import argparse
import json
import os
import subprocess
import sys
import time

from network import Mesh, Network, check_requirements, program

def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--members', type=int, default=50, help='receivers')
    parser.add_argument('--loss', type=int, default=20, help='lost datagrams, in percent')
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--program')
    options = parser.parse_args()
    check_requirements('nft')
    p2p = program(options.program)
    network = Network()
    mesh = Mesh(network, p2p)
    names = [f'm{number}' for number in range(options.members)]
    mesh.make_keys(['sender', *names])
    mesh.start_server()
    control = os.path.join(network.folder, 's.sock')
    mesh.start_peer('sender', '--broadcast-interval', 'off', '--control', control)
    for name in names:
        mesh.start_peer(name, '--broadcast-interval', 'off', '--control', 'off')
    mesh.wait(lambda: len(mesh.find('sender', r'^\+ ')) >= len(names), 60, 'the sender lists all')
    time.sleep(2)
    begun = time.monotonic()
    network.lose(options.loss)
    acknowledged, asked, times = 0, 0, []
    for number in range(options.rounds):
        start = time.monotonic()
        result = subprocess.run([p2p, 'send', '--all', f'round {number} of', '--json', '--control', control],
                                stdout=subprocess.PIPE, text=True)
        times.append(time.monotonic() - start)
        report = json.loads(result.stdout)
        acknowledged, asked = acknowledged + len(report['delivered']), asked + report['asked']
        missing = report['unanswered'] + report['gone']
        print(f'round {number}: {len(report["delivered"])} of {report["asked"]} in {times[-1]:.2f} s '
              + ('no answer: ' + ' '.join(missing) if missing else ''), flush=True)
    network.lose(0)
    time.sleep(1)
    missed, twice = [], []
    for number in range(options.rounds):
        for name in names:
            count = len(mesh.find(name, f'^sender: round {number} of$'))
            if count != 1:
                (twice if count else missed).append(f'{name} in round {number}')
    times.sort()
    print(f'{options.loss} % loss: {acknowledged} of {asked} acknowledged, {len(missed)} without the message, '
          f'{len(twice)} with a second copy; {times[len(times) // 2]:.2f} s median, {times[-1]:.2f} s most; '
          f'{mesh.lost_connections(begun)} lost connections')
    for text in missed + twice:
        print(f'  {text}')
    if missed or twice or acknowledged < asked:
        sys.exit(1)


if __name__ == '__main__':
    main()
