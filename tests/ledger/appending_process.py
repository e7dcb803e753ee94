"""Lives that append until they are killed, and say on their output what is durable: run by test_crash.py.

The parent imports everything once and only forks: each life is a process of its own all the same.
"""

import asyncio
import itertools
import os
import sys
import time

from gateway.clock import at
from gateway.database.engine import open_database
from gateway.ledger.recovery import Recovery
from gateway.ledger.store import Ledger
from gateway.ledger.writer import Writer
from tests.ledger.builders import admitted, agree, finished
from tests.ledger.test_recovery import closing


async def main(url: str, name: str) -> None:
    database = open_database(url)
    ledger = Ledger(database, lambda: at(time.time_ns() // 1000))
    await Recovery(ledger, agree, closing).run(0, alone=True)
    writer = Writer(ledger, agree)
    await writer.start()
    numbers = itertools.count()

    async def caller() -> None:
        for number in numbers:
            call = f"{name}_{number}"
            receipt = await writer.append(admitted(call))
            os.write(1, f"durable {receipt.index} {call}\n".encode())  # one write: whole, or not at all
            if number % 3:
                writer.submit(finished(call), keep=True)

    await asyncio.gather(*(caller() for _ in range(8)))


if __name__ == "__main__":
    for life in range(int(sys.argv[2])):
        child = os.fork()
        if not child:
            os.write(1, f"pid {os.getpid()}\n".encode())
            asyncio.run(main(sys.argv[1], f"life{life}"))
        os.waitpid(child, 0)
