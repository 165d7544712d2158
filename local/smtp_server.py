"""A small SMTP server that keeps each message as a file: `python -P smtp_server.py PORT FOLDER`.

It listens on loopback only, takes mail for everybody, and passes none on. A file is named for the moment of
its arrival, so that names sort as the messages came, and it appears whole. At most `KEPT` of them stay.
"""

import asyncio
import sys
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"
KEPT = 100
MESSAGE_BYTES = 2_000_000


class Keeper:
    """Writes messages into a folder and removes the oldest beyond `KEPT`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a message, with a header that names all its recipients; return the answer for the client."""
        content = envelope.original_content or b""
        to = ", ".join(envelope.rcpt_tos)
        arriving = self._folder / "arriving"
        arriving.write_bytes(f"Delivered-To: {to}\r\n".encode() + content)
        arriving.rename(self._folder / f"{time.time_ns():020d}.eml")
        for oldest in sorted(self._folder.glob("*.eml"))[:-KEPT]:
            oldest.unlink(missing_ok=True)
        print(f"{len(content)} bytes from {envelope.mail_from} for {to}", flush=True)
        return "250 kept"


async def serve(port: int, folder: Path) -> None:
    """Listen until the process ends."""
    keeper = Keeper(folder)
    # With a name of its own the server looks none up.
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(keeper, hostname="localhost", data_size_limit=MESSAGE_BYTES), HOST, port
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
