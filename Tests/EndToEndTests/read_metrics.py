"""Reads metrics as Prometheus does, with the parser of its client library, and prints each sample's name and value.

    read_metrics.py HOST PORT [PATH]

With a path, prints the status of that path instead. Meanwhile ten clients are connected that send half a request.
"""

import http.client
import socket
import sys

from prometheus_client.parser import text_string_to_metric_families

host, port = sys.argv[1], int(sys.argv[2])
stalled = [socket.create_connection((host, port)) for _ in range(10)]
for client in stalled:
    client.sendall(b"GET /metrics HTTP/1.1\r\nHost:")
connection = http.client.HTTPConnection(host, port, timeout=10)
connection.request("GET", sys.argv[3] if len(sys.argv) > 3 else "/metrics")
answer = connection.getresponse()
if len(sys.argv) > 3:
    sys.exit(print(answer.status))
assert answer.status == 200, answer.status
for family in text_string_to_metric_families(answer.read().decode()):
    for sample in family.samples:
        assert family.documentation, f"no description of {family.name}"
        reason = sample.labels.get("reason", "")
        print(family.type, sample.name, reason or "-", sample.value)
