"""A TCP proxy that delivers every byte later, as a long line does.

It listens on PORT of loopback, passes bytes to TARGET and back, and prints `ready`. MS is the delay in ms
there and back, half of it in each direction. The line has no limit of bandwidth and loses nothing.

    python -m benchmarks.slow_link PORT TARGET MS
"""

import argparse
import asyncio
from functools import partial

from local.ports import LOOPBACK

READ_AT_MOST = 2**18


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Write what is read, each piece `delay_s` seconds later, until the end of the stream."""
    loop = asyncio.get_running_loop()
    underway: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            due, data = await underway.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                return
            writer.write(data)
            await writer.drain()

    async def take() -> None:
        data = b"-"
        while data:
            data = await reader.read(READ_AT_MOST)
            underway.put_nowait((loop.time() + delay_s, data))

    try:
        await asyncio.gather(deliver(), take())
    except ConnectionError:
        pass  # one side has gone
    finally:
        writer.close()


async def _connected(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: int, delay_s: float
) -> None:
    there, back = await asyncio.open_connection(LOOPBACK, target)
    await asyncio.gather(_pass_on(reader, back, delay_s), _pass_on(there, writer, delay_s))


async def serve(port: int, target: int, milliseconds: float) -> None:
    """Serve until the process is ended."""
    handler = partial(_connected, target=target, delay_s=milliseconds / 2000)
    async with await asyncio.start_server(handler, LOOPBACK, port) as server:
        print("ready", flush=True)
        await server.serve_forever()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("target", type=int)
    parser.add_argument("milliseconds", type=float)
    asked = parser.parse_args()
    asyncio.run(serve(asked.port, asked.target, asked.milliseconds))


if __name__ == "__main__":
    main()
