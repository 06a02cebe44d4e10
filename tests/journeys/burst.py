"""Many creates as fast as the server takes them: raw sockets, pipelines of one, requests made beforehand."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from tests.factories import Body
from tests.journeys.system import NewList


def encoded(target: NewList, bodies: Iterable[Body]) -> Iterator[bytes]:
    """Each body as a whole POST request."""
    address = urlsplit(target.base_url)
    head = (
        f"POST {address.path}/Users HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {target.token}\r\n"
        "Content-Type: application/scim+json\r\nContent-Length: "
    ).encode()
    for body in bodies:
        content = json.dumps(body).encode()
        yield head + f"{len(content)}\r\n\r\n".encode() + content


def send_all(target: NewList, requests: list[bytes], connections: int) -> Counter[int]:
    """Send them over this many kept-alive connections; how often each status was answered."""
    return asyncio.run(_send_all(target, iter(requests), connections))


async def _send_all(target: NewList, requests: Iterator[bytes], connections: int) -> Counter[int]:
    statuses: Counter[int] = Counter()
    await asyncio.gather(*(_client(target, requests, statuses) for _ in range(connections)))
    return statuses


async def _client(target: NewList, requests: Iterator[bytes], statuses: Counter[int]) -> None:
    address = urlsplit(target.base_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    for request in requests:
        writer.write(request)
        statuses[await _status(reader)] += 1
    writer.close()
    await writer.wait_closed()


async def _status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    [length] = [int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")]
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])
