"""Lets a mesh run on a network that loses datagrams, kills a peer from time to time, and watches the memory.

    scripts/stress soak [--peers N] [--loss PERCENT] [--minutes N] [--kill SECONDS] [--program FILE]

The processes are in two network namespaces whose filters drop a share of all datagrams. A killed peer starts again
after 20 s. Four peers broadcast a message every 20 s. One line every 5 minutes has the memory of the server and of the
peers that were never killed, and how often a running peer was expired or reported as gone.
Fails if a running peer was expired, or if the memory of the server or of a peer grew by more than a tenth and 1 MiB
after the first quarter of the time. Needs root and nft.
"""
import argparse
import random
import subprocess
import sys
import time

from network import Mesh, Network, check_requirements, program
from process import cpu_time, resident

TALKERS = 4
LIFETIME = 5.0
ABSENCE = 20.0


class Soak:
    def __init__(self, options):
        self.network = Network()
        self.mesh = Mesh(self.network, program(options.program))
        self.names = [f'm{number}' for number in range(options.peers)]
        self.random = random.Random(options.seed)
        self.absent, self.killed = {}, set()
        # The periods of absence: (name, time of the kill, time of the next start).
        self.absences = []
        self.mesh.make_keys(self.names)

    def start(self, name):
        talks = name in self.names[:TALKERS]
        self.mesh.start_peer(name, '--broadcast-interval', '20s' if talks else 'off', '--control', 'off')

    def form(self, limit):
        self.mesh.start_server()
        for name in self.names:
            self.start(name)
            time.sleep(0.03)
        self.mesh.wait(lambda: len(self.joined()) == len(self.names), limit, 'all peers join')

    def joined(self, since=0.0):
        return {who for _, who, _ in self.mesh.find(None, '^joined as ', since)}

    def kill(self):
        """Kills a running peer that sends no messages."""
        name = self.random.choice([each for each in self.names[TALKERS:] if each not in self.absent])
        process = self.mesh.processes.pop(name)
        process.kill()
        process.wait()
        self.mesh.ended.append(process)
        self.absent[name] = time.monotonic()
        self.killed.add(name)

    def restart(self):
        """Starts the killed peers again whose time of absence is over."""
        for name, since in list(self.absent.items()):
            if time.monotonic() - since > ABSENCE:
                self.start(name)
                self.absences.append((name, since, time.monotonic()))
                del self.absent[name]

    def was_absent(self, name, at):
        """Returns true if the peer was killed shortly before `at`, so that others may report it as gone."""
        periods = self.absences + [(each, since, at) for each, since in self.absent.items()]
        return any(each == name and since <= at <= until + LIFETIME for each, since, until in periods)

    def wrongly(self, who, pattern, since):
        """The lines of a process, or of all peers, that report a running peer as gone."""
        lines = self.mesh.find(who, pattern, since)
        return [line for at, _, line in lines if not self.was_absent(line.split()[1], at)]

    def report(self, begun):
        never_killed = [name for name in self.names if name not in self.killed]
        peers = sorted(resident(self.mesh.processes[name].pid) for name in never_killed)
        server = resident(self.mesh.processes['server'].pid)
        expired = self.wrongly('server', r'^- \S+ \(expired\)', begun)
        gone = self.wrongly(None, r'^- ', begun)
        lost = self.mesh.find(None, '^lost the server', begun)
        arrived, missing = self.mesh.messages(self.names[:TALKERS], begun, time.monotonic())
        print(f'{(time.monotonic() - begun) / 60:.1f} min: server {server:.1f} MiB, '
              f'{cpu_time(self.mesh.processes["server"].pid):.0f} s of CPU; peers {peers[len(peers) // 2]:.1f} MiB '
              f'(median), {peers[-1]:.1f} (most); {len(self.absences)} killed and back; running peers: '
              f'{len(expired)} expired, {len(gone)} times reported as gone, {len(lost)} lost the server; '
              f'talkers: {arrived} messages, {missing} not arrived', flush=True)
        return server, peers[-1], expired


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--peers', type=int, default=200)
    parser.add_argument('--loss', type=int, default=10, help='lost datagrams, in percent')
    parser.add_argument('--minutes', type=float, default=60)
    parser.add_argument('--kill', type=float, default=60, help='seconds between two kills')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--program')
    options = parser.parse_args()
    check_requirements('nft')
    soak = Soak(options)
    soak.form(120)
    soak.network.lose(options.loss)
    begun = time.monotonic()
    end, next_kill, next_report = begun + options.minutes * 60, begun + options.kill, begun
    reports = []
    while (now := time.monotonic()) < end:
        if now >= next_kill:
            next_kill += options.kill
            soak.kill()
        soak.restart()
        if now >= next_report:
            next_report += min(300, options.minutes * 60 / 12)
            reports.append(soak.report(begun))
        time.sleep(0.2)
    server, peer, expired = soak.report(begun)
    early = reports[len(reports) // 4]
    for line in expired:
        print(f'  {line}')
    grown = server > early[0] * 1.1 + 1 or peer > early[1] * 1.1 + 1
    print(f'since a quarter of the time: server {early[0]:.1f} to {server:.1f} MiB, '
          f'peer {early[1]:.1f} to {peer:.1f} MiB at most')
    if expired or grown:
        sys.exit(1)


if __name__ == '__main__':
    main()
