"""Acts as one of several unwanted clients of a control socket. NAME chooses the client, which checks the answers.

    press_control.py SOCKET NAME

Prints one line with the result.
"""

import contextlib
import json
import select
import socket
import sys
import time

path, name = sys.argv[1], sys.argv[2]
STATUS = b"GET /v1/status?members=none HTTP/1.1\r\nHost: p2p\r\n\r\n"
EVENTS = b"GET /v1/events HTTP/1.1\r\nHost: p2p\r\n\r\n"


def connect(patience=20):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(patience)
    # The socket's queue of connections is bounded. If the queue is full, connecting is tried again.
    for attempt in range(200):
        try:
            client.connect(path)
            return client
        except BlockingIOError:
            time.sleep(0.01)
    raise SystemExit("the queue of connections stays full")


def answer(client, rest=b""):
    """Returns the status of an answer, its body and the bytes after it; None if the connection has ended."""
    data = rest
    while b"\r\n\r\n" not in data:
        more = client.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
    length = int(fields[b"content-length"])
    while len(body) < length:
        more = client.recv(65536)
        if not more:
            return None
        body += more
    return int(head.split()[1]), body[:length], body[length:]


def until_closed(client):
    """Returns the bytes that the server sends until it closes the connection."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while more := client.recv(65536):
            data += more
    return data


def one_after_another(count=10_000):
    client = connect()
    for _ in range(count):
        client.sendall(STATUS)
        status, body, _ = answer(client)
        assert status == 200 and json.loads(body)["schema"] == 1
    return f"{count} answers on one connection"


def new_connections(count=2_000):
    for _ in range(count):
        client = connect()
        client.sendall(STATUS)
        assert answer(client)[0] == 200
        client.close()
    return f"{count} answers on as many connections"


def pipelined(count=1_000):
    client = connect()
    rest, sent, read = STATUS * count, 0, 0
    client.setblocking(False)
    data, end = b"", time.monotonic() + 60
    while read < count and time.monotonic() < end:
        readable, writable, _ = select.select([client], [client] if sent < len(rest) else [], [], 1)
        if writable:
            with contextlib.suppress(BlockingIOError):
                sent += client.send(rest[sent:])
        if readable:
            more = client.recv(65536)
            assert more, "closed"
            *lines, data = (data + more).split(b"\n")
            read += sum(line.startswith(b"{") for line in lines)
    assert read == count, read
    return f"{count} answers to requests that did not wait"


def many_at_once(count=300):
    clients, answered, closed = [], 0, 0
    for _ in range(count):
        client = connect()
        with contextlib.suppress(ConnectionError):
            client.sendall(STATUS)
        clients.append(client)
    for client in clients:
        try:
            answered, closed = (answered + 1, closed) if answer(client) else (answered, closed + 1)
        except ConnectionError:
            closed += 1
    assert answered >= 1 and answered + closed == count
    return f"{answered} answered, {closed} closed at once"


def half_a_head():
    clients = [connect() for _ in range(32)]
    begun = time.monotonic()
    for client in clients:
        client.sendall(b"GET /v1/status HTTP/1.1\r\nHost:")
    for client in clients:
        assert not until_closed(client)
    took = time.monotonic() - begun
    assert took < 15, took
    return "32 closed"


def a_head_byte_by_byte():
    client = connect()
    begun = time.monotonic()
    sent = 0
    with contextlib.suppress(ConnectionError):
        for byte in (b"GET /v1/status HTTP/1.1\r\nx: " + b"y" * 4000):
            client.sendall(bytes([byte]))
            sent += 1
            if select.select([client], [], [], 0.02)[0]:
                break
    assert not until_closed(client)
    assert time.monotonic() - begun < 15
    return "closed"


def garbage():
    # A fixed seed determines the bytes, so each run sends the same bytes.
    state, answers = 1, set()
    for _ in range(200):
        blob = bytearray()
        for _ in range(2000):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            blob.append(state >> 56)
        client = connect()
        with contextlib.suppress(ConnectionError):
            client.sendall(blob)
            client.shutdown(socket.SHUT_WR)
        reply = until_closed(client)
        answers.add(reply[9:12])
        client.close()
    assert answers <= {b"", b"400"}, answers
    return "200 refused"


def a_long_head():
    client = connect()
    with contextlib.suppress(ConnectionError):
        client.sendall(b"GET /v1/status HTTP/1.1\r\n" + b"".join(b"x%d: %s\r\n" % (n, b"y" * 1000) for n in range(400)))
    reply = until_closed(client)
    assert reply[9:10] in (b"4", b""), reply
    return "refused"


def a_body_that_never_ends():
    client = connect()
    client.sendall(b"POST /v1/send HTTP/1.1\r\nHost: p2p\r\nTransfer-Encoding: chunked\r\n\r\n")
    begun, sent = time.monotonic(), 0
    with contextlib.suppress(ConnectionError):
        while time.monotonic() - begun < 30:
            client.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
            sent += 65536
    reply = until_closed(client)
    assert reply[9:12] == b"413", reply[:80]
    assert sent < 64 << 20, sent
    return "refused with 413"


def a_body_of_single_bytes():
    """Sends as many chunks of one byte as the limit allows. The body is then refused because it is not JSON."""
    client = connect()
    client.sendall(b"POST /v1/send HTTP/1.1\r\nHost: p2p\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.sendall(b"1\r\n \r\n" * (128 << 10) + b"0\r\n\r\n")
    assert answer(client)[0] == 400
    return "refused with 400"


def a_body_that_stalls():
    client = connect()
    client.sendall(b"POST /v1/send HTTP/1.1\r\nHost: p2p\r\nContent-Length: 100\r\n\r\n{")
    assert not until_closed(client)
    return "closed"


def streams_that_stall(seconds=6):
    clients = [connect() for _ in range(30)]
    for client in clients:
        client.sendall(EVENTS)
    time.sleep(seconds)
    # The stream has the buffered events first, and then the number of missed events.
    missed = 0
    for client in clients:
        data, note = b"", None
        while note is None:
            more = client.recv(65536)
            assert more, "closed"
            *lines, data = (data + more).split(b"\n")
            note = next((line for line in lines if b'"event":"missed"' in line), None)
        missed += json.loads(note)["count"]
    assert missed > 30, missed
    return f"30 streams missed {missed} events"


def answers_that_nobody_reads():
    clients = [connect() for _ in range(20)]
    for client in clients:
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(2000):
                client.send(STATUS)
    time.sleep(2)
    return f"{len(clients)} left"


print(f"{name}: {globals()[name]()}")
