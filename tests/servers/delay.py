"""A network that is far away: a TCP proxy on loopback that holds every byte back, both ways, in a process of its own.

`python -m tests.servers.delay PORT MILLISECONDS` prints its own port; a new connection waits a whole round trip, as
TCP's handshake would.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_BLOCK = 1 << 18


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Whatever comes goes on after `delay` seconds; only time is added, not a limit on speed."""
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def send() -> None:
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                break
            writer.write(data)
            await writer.drain()

    sending = asyncio.create_task(send())
    data = b"."
    with suppress(ConnectionError):
        while data:
            data = await reader.read(_BLOCK)
            under_way.put_nowait((loop.time() + delay, data))
    under_way.put_nowait((loop.time() + delay, b""))
    with suppress(ConnectionError):
        await sending
    with suppress(ConnectionError, OSError):
        writer.close()


async def _serve(port: int, delay: float) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * delay)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pass_on(reader, far_writer, delay), _pass_on(far_reader, writer, delay))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


@contextmanager
def far_away(endpoint: str, milliseconds: float) -> Iterator[str]:
    """The endpoint of a proxy before `endpoint` (http, on loopback): each round trip takes `milliseconds` more."""
    port = endpoint.rpartition(":")[2]
    command = [sys.executable, "-m", "tests.servers.delay", port, str(milliseconds / 2)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as proxy:
        try:
            assert proxy.stdout
            yield f"http://127.0.0.1:{int(proxy.stdout.readline())}"
        finally:
            proxy.kill()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
