"""Measures what broadcasts cost the sender and its receivers, in CPU time, and compares it with libsodium and sendmmsg.

Needs no root, but a C compiler. A peer broadcasts to a swarm, which receives through the library, and to some peers in
processes of their own, which also print the messages. All of them are on 127.0.0.1. The CPU time at rest is subtracted.
The speed of a virtual machine varies from second to second. So the peer broadcasts in five rounds, with a measurement of
libsodium and sendmmsg before each, and the table has the medians of the rounds.
Then a swarm forms and broadcasts to itself, which shows how many messages are lost and how long they take.

Fails if a message is lost, or if the interval of the broadcasts is not a rate. With --check it fails as well if a cost
is above its goal.
"""
import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import network
from process import free_port, thread_times

# The number of bytes that a datagram has in addition to the body of its message.
OVERHEAD = 149
DELAYS = [('p50', 'p50_ns'), ('p99', 'p99_ns'), ('max', 'max_ns')]
GOALS = {'sender': 1.5, 'library': 1.5, 'peer': 2.5}
ROUNDS = 5


def used(*pids):
    """The CPU time of processes, in nanoseconds."""
    return sum(sum(thread_times(pid).values()) for pid in pids)


def milliseconds(text):
    return float(text.removesuffix('ms'))


class Mesh:
    """A server, a swarm, and peers in processes of their own."""

    def __init__(self, program, receivers, peers, size):
        self.program, self.folder, self.processes = program, tempfile.mkdtemp(prefix='p2p-messages-'), []
        self.readers = []
        self.keys = os.path.join(self.folder, 'keys')
        self.names = [f'peer-{number}' for number in range(peers)]
        try:
            self.begin(receivers, size)
        except BaseException:
            self.close()
            raise

    def begin(self, receivers, size):
        """Starts all processes, and waits until the sender knows all receivers."""
        program = self.program
        network.run(program, 'keygen', 'server', 'sender', *self.names, '--keys', self.keys)
        self.server = self.start('server', '--open', '--listen', '127.0.0.1:0', '--control', 'off')
        self.address = self.first_line(r'listening on ', self.server).split()[-1]
        self.server.stdout.close()
        self.swarm = self.start('swarm', '--peers', str(receivers - len(self.names)), '--server', self.address, '--bind',
                                '127.0.0.1', '--gap', '10ms', '--quiet')
        self.peers = [self.start_peer(name, name) for name in self.names]
        text = ['--message', 'x' * size] if size else []
        self.sender = self.start_peer('sender', 'sender', *text, input=subprocess.PIPE)
        self.wait('joins', lambda: self.count('sender', '+ ') == receivers)

    def start(self, *arguments, output=subprocess.PIPE, input=subprocess.DEVNULL):
        process = subprocess.Popen([self.program, *arguments, '--keys', self.keys], stdin=input, stdout=output,
                                   stderr=subprocess.DEVNULL, text=True)
        self.processes.append(process)
        return process

    def start_peer(self, name, path, *arguments, input=subprocess.DEVNULL):
        peer = self.start('peer', name, str(free_port()), '--server', self.address, '--bind', '127.0.0.1', '--control',
                          'off', '--broadcast-interval', 'off', *arguments, input=input)
        # The output is a pipe, as under a service manager. The cost of a write to a file would differ.
        with open(os.path.join(self.folder, path), 'w') as output:
            self.readers.append(subprocess.Popen(['cat'], stdin=peer.stdout, stdout=output))
        peer.stdout.close()
        return peer

    @staticmethod
    def first_line(prefix, process):
        return next(line for line in process.stdout if line.startswith(prefix))

    def count(self, name, prefix):
        """The number of lines of a peer that begin with `prefix`."""
        with open(os.path.join(self.folder, name)) as file:
            return sum(line.startswith(prefix) for line in file)

    def lost(self):
        """The number of messages that peers miss between their first and last ones, and the number of all of these."""
        lost = total = 0
        for name in self.names:
            with open(os.path.join(self.folder, name)) as file:
                numbers = [int(line.rsplit('_', 1)[1]) for line in file if line.startswith('sender: sender_broadcast_')]
            total += numbers[-1] - numbers[0] + 1
            lost += numbers[-1] - numbers[0] + 1 - len(numbers)
        return lost, total

    def heard(self):
        return [self.count(name, 'sender: ') for name in self.names]

    @staticmethod
    def wait(what, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                sys.exit(f'messages: error: {what}: not within {seconds} s')
            time.sleep(0.05)

    def tell(self, line):
        self.sender.stdin.write(line + '\n')
        self.sender.stdin.flush()

    def use(self):
        return [used(self.sender.pid), used(self.swarm.pid), used(*(peer.pid for peer in self.peers))]

    def close(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes + self.readers:
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def measure_rest(mesh, seconds):
    """Returns the CPU time per second at rest of sender, swarm and peers, in nanoseconds."""
    begun = mesh.use()
    time.sleep(seconds)
    return [(after - before) / seconds for before, after in zip(begun, mesh.use())]


def measure(mesh, interval, receivers, seconds, rest):
    """Returns the CPU time per delivery of sender, swarm and peers in nanoseconds, and messages sent and expected."""
    known = min(mesh.heard())
    mesh.tell(f'broadcast {interval}')
    # The first messages are not measured, because the peers also derive keys for them.
    mesh.wait('first messages', lambda: min(mesh.heard()) >= known + 20)
    heard, begun, start = mesh.heard(), mesh.use(), time.monotonic()
    time.sleep(seconds)
    talking, ended, elapsed = mesh.use(), mesh.heard(), time.monotonic() - start
    mesh.tell('broadcast off')
    broadcasts = sum(ended) / len(ended) - sum(heard) / len(heard)
    counts = [receivers, receivers - len(mesh.names), len(mesh.names)]
    costs = [(after - before - quiet * elapsed) / broadcasts / count
             for before, after, quiet, count in zip(begun, talking, rest, counts)]
    return costs, broadcasts, elapsed * 1000 / milliseconds(interval)


def run_primitives(program, options):
    """Returns the CPU time of each primitive, in nanoseconds."""
    output = subprocess.run([program, '1', str(options.receivers), str((options.size or 20) + OVERHEAD),
                             str(milliseconds(options.interval))], check=True, capture_output=True, text=True).stdout
    return {name: float(value) for name, value in (line.split() for line in output.splitlines())}


def talk(mesh, peers, interval, seconds):
    """Lets a peer of a swarm that has formed send messages to the others, and returns the swarm's report."""
    forming = peers // 100 + 3
    mesh.swarm.send_signal(signal.SIGTERM)
    mesh.swarm.wait()
    for process in [mesh.sender, *mesh.peers]:
        process.send_signal(signal.SIGTERM)
        process.wait()
    swarm = mesh.start('swarm', '--peers', str(peers), '--server', mesh.address, '--bind', '127.0.0.1', '--gap', '10ms',
                       '--talk', interval, '--talk-after', f'{forming}s', '--duration', f'{seconds + forming:.0f}s',
                       '--json', '--quiet')
    return json.loads(swarm.communicate()[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--receivers', type=int, default=49)
    parser.add_argument('--peers', type=int, default=2, help='receivers in processes of their own')
    parser.add_argument('--interval', default='10ms')
    parser.add_argument('--size', type=int, help='bytes of a message; by default it is its number, in 20 bytes')
    parser.add_argument('--seconds', type=float, default=8)
    parser.add_argument('--check', action='store_true')
    parser.add_argument('--program', help='path of p2p; built with scripts/build if absent')
    options = parser.parse_args()
    program = network.program(options.program)
    mesh = Mesh(program, options.receivers, options.peers, options.size)
    try:
        primitives = os.path.join(mesh.folder, 'primitives')
        network.run('cc', '-O2', '-o', primitives, os.path.join(network.HERE, 'primitives.c'), '-lsodium')
        rest = measure_rest(mesh, options.seconds / 2)
        rounds = [(run_primitives(primitives, options),
                   *measure(mesh, options.interval, options.receivers, options.seconds / ROUNDS, rest))
                  for _ in range(ROUNDS)]
        broadcasts, expected = (sum(each) for each in zip(*(figures for _, _, *figures in rounds)))
        lost = None if options.size else mesh.lost()
        report = talk(mesh, options.receivers + 1, options.interval, options.seconds)
    finally:
        mesh.close()
    print(f'{options.receivers} receivers, a message of {options.size or 20} bytes every {options.interval}, '
          f'{broadcasts:.0f} messages to all in {ROUNDS} rounds; CPU time per message and receiver:\n')
    print('| part | µs | compared with | µs | ratio | smallest | largest | goal |\n|---|---:|---|---:|---:|---:|---:|---:|')
    failed = []
    for index, (name, what, bare_name) in enumerate(
            [('sender', 'a seal and its part of a sendmmsg', 'send'), ('library', 'a verification', 'verify'),
             ('peer', 'a verification in this rhythm', 'paced-verify')]):
        costs = [costs[index] for _, costs, *_ in rounds]
        baselines = [primitives[bare_name] for primitives, *_ in rounds]
        ratios = sorted(cost / baseline for cost, baseline in zip(costs, baselines))
        ratio = statistics.median(ratios)
        print(f'| {name} | {statistics.median(costs) / 1000:.1f} | {what} | {statistics.median(baselines) / 1000:.1f} '
              f'| {ratio:.2f} | {ratios[0]:.2f} | {ratios[-1]:.2f} | {GOALS[name]} |')
        if options.check and ratio > GOALS[name]:
            failed.append(f'{name}: {ratio:.2f} times the baseline, and the goal is {GOALS[name]}')
    share = broadcasts / expected
    print(f'\nthe sender made {share:.2f} of the broadcasts that the interval allows')
    if lost:
        print(f'{lost[0]} of {lost[1]} messages to the peers lost')
    print(f'a swarm of {options.receivers + 1}: {report["lost"]} of {report["sent"]} messages lost')
    for name, what in [('delay', 'delay'), ('delay_to_last', 'delay to the last receiver of each message')]:
        print(f'{what}: ' + ', '.join(f'{label} {report[name][key] / 1e6:.2f} ms' for label, key in DELAYS))
    if share < 0.95:
        failed.append(f'the interval is not a rate: {share:.2f} of the broadcasts were made')
    if lost and lost[0]:
        failed.append(f'{lost[0]} messages were lost')
    for each in failed:
        print(f'messages: error: {each}', file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
