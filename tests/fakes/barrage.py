"""A process of its own that presents hostile proofs at several gateways at a steady rate, and counts what it is told.

    python -m tests.fakes.barrage PORT[,PORT…] FILE

FILE has a request's target and one header on each line. A line on standard input, `COUNT RATE`, has the next so many
presented, so many a second in all; what was answered goes to standard output, as a JSON object from status to count.
"""

import json
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path


class Connection:
    """One connection that is kept, and opened again where the gateway closes it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, target: str, header: str) -> int:
        """The status of the answer, 0 where there was none."""
        request = f"GET {target} HTTP/1.1\r\nhost: gateway\r\n{header}\r\n\r\n".encode()
        try:
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=20)
            self._socket.sendall(request)
            return self._answer(self._socket)
        except OSError:
            self._close()
            return 0

    def _answer(self, connection: socket.socket) -> int:
        received = b""
        while b"\r\n\r\n" not in received:
            piece = connection.recv(65536)
            if not piece:
                self._close()
                return 0
            received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        told = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
        while len(body) < told:
            body += connection.recv(65536)
        if b"connection: close" in lines:
            self._close()
        return int(head.split(b" ", 2)[1])

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None


def present(connection: Connection, proofs: list[str], rate: float) -> Counter[int]:
    """Present these, so many a second or as fast as they are answered."""
    met, began = Counter[int](), time.monotonic()
    for number, proof in enumerate(proofs):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        target, _, header = proof.partition(" ")
        met[connection.ask(target, header)] += 1
    return met


def main(ports: str, file: str) -> None:
    """Present what is asked for until there is nobody to ask."""
    connections = [Connection(int(port)) for port in ports.split(",")]
    proofs: Iterator[str] = iter(Path(file).read_text("ascii").splitlines())
    with ThreadPoolExecutor(len(connections)) as threads:
        for line in sys.stdin:
            count, rate = line.split()
            taken = list(islice(proofs, int(count)))
            shares = [taken[place :: len(connections)] for place in range(len(connections))]
            rates = [float(rate) / len(connections)] * len(connections)
            met = sum(threads.map(present, connections, shares, rates), Counter())
            print(json.dumps(met), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
