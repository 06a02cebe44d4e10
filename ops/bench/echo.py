"""The least that could answer: a server that waits for a whole request and sends the same few bytes, on uvloop alone.
What the generator of load reaches against it is what the generator can do at most."""

import asyncio
import sys
from typing import cast

import uvloop

from ops.bench.load import content_length

_ANSWER = b"HTTP/1.1 201 Created\r\nContent-Type: application/scim+json\r\nContent-Length: 12\r\n\r\n" + b'{"id":"one"}'


class Echo(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head := self._buffer.find(b"\r\n\r\n")) >= 0:
            size = head + 4 + content_length(self._buffer[:head])
            if len(self._buffer) < size:
                return
            self._buffer = self._buffer[size:]
            self._transport.write(_ANSWER)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
