"""Asks a server of many members for its status, and prints how long it takes and what it costs.

Needs no root. The members are complete peers in one process (p2p swarm) on 127.0.0.1, at most as many as --running.
The others are keys that may join but have not. During the repeated requests for the status, no member may be lost.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import network
from process import cpu_time, resident, thread_times, used_since


def ask(path, target):
    """Returns the answer to a GET, and the seconds until its last byte."""
    begun = time.monotonic()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(path)
        client.sendall(f'GET {target} HTTP/1.1\r\nHost: p2p\r\nConnection: close\r\n\r\n'.encode())
        data = bytearray()
        while more := client.recv(1 << 20):
            data += more
    took = time.monotonic() - begun
    head, body = bytes(data).split(b'\r\n\r\n', 1)
    assert b' 200 ' in head.split(b'\r\n', 1)[0], head
    return json.loads(body), took


def measure(pid, path, target, count):
    before, took = thread_times(pid), []
    for _ in range(count):
        took.append(ask(path, target)[1] * 1000)
    spent = sorted((time / 1e6 / count for time in used_since(pid, before).values()), reverse=True)
    took.sort()
    print(f'{target}: {took[0]:.1f} ms least, {took[count // 2]:.1f} ms median, {took[-1]:.1f} ms most; '
          f'CPU of the server per request: {sum(spent):.2f} ms, by thread {" ".join(f"{each:.2f}" for each in spent[:4])}',
          flush=True)
    return took[count // 2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--members', type=int, default=5000)
    parser.add_argument('--running', type=int, default=300)
    parser.add_argument('--requests', type=int, default=50)
    parser.add_argument('--heartbeat', type=int, default=500, help='milliseconds between two heartbeats of a member; '
                        'the lifetime is three times as long')
    parser.add_argument('--gap', default='30ms', help='time between the starts of two members')
    parser.add_argument('--seconds', type=float, default=900, help='time for all members to join')
    parser.add_argument('--program', help='path of p2p; built with scripts/build if absent')
    options = parser.parse_args()
    program = network.program(options.program)
    folder = tempfile.mkdtemp(prefix='p2p-status-')
    keys, path = os.path.join(folder, 'keys'), os.path.join(folder, 's.sock')
    processes = []
    try:
        running = min(options.running, options.members)
        names = ['server'] + [f'n{number}' for number in range(options.members)]
        for start in range(0, len(names), 500):
            network.run(program, 'keygen', *names[start:start + 500], '--authorize', '--keys', keys)
        server = subprocess.Popen(
            [program, 'server', '--listen', '127.0.0.1:0', '--control', path, '--keys', keys,
             '--heartbeat', f'{options.heartbeat}ms', '--lifetime', f'{options.heartbeat * 3}ms'],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        processes.append(server)
        address = next(line for line in server.stdout if line.startswith('listening on ')).split()[-1]
        server.stdout.close()
        while not os.path.exists(path):
            time.sleep(0.01)
        swarm = subprocess.Popen(
            [program, 'swarm', '--stored-keys', '--peers', str(running), '--server', address, '--gap', options.gap, '--bind',
             '127.0.0.1', '--keys', keys, '--quiet'], stdout=subprocess.DEVNULL)
        processes.append(swarm)
        end = time.monotonic() + options.seconds
        while (counts := ask(path, '/v1/status?members=none')[0]['counts'])['alive'] < running:
            if time.monotonic() > end or swarm.poll() is not None:
                sys.exit(f'status: error: only {counts} after {options.seconds} s')
            time.sleep(1)
        time.sleep(5)
        before = cpu_time(server.pid)
        time.sleep(5)
        print(f'{counts["alive"]} members, {counts["never"]} other keys; the server uses {(cpu_time(server.pid) - before) / 5:.2f} of a core',
              flush=True)
        all_took = measure(server.pid, path, '/v1/status', options.requests)
        measure(server.pid, path, '/v1/status?members=none', options.requests)
        status = ask(path, '/v1/status')[0]
        listed, counts = status['members'], status['counts']
        lost = running - counts['alive'] - counts['suspect']
        print(f'{len(listed)} members listed; {counts["suspect"]} late, {lost} lost; {resident(server.pid):.0f} MiB')
        if lost or all_took > 50:
            sys.exit(1)
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main()
