"""The live log: a stream of server-sent events for each open page, fed by one subscription for all of a process.

An event says only that a list's log has changed; the page then asks for its part again, so that filters,
rights and templates live in one place. Without Valkey the streams stay silent, and pages ask every 15 s.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import redis.asyncio
import structlog
from litestar import Response, get
from litestar.response import Stream
from psycopg import Error as DatabaseError
from redis.exceptions import RedisError

from ingress.console import pages
from ingress.console.desk import Call, ListId, at_desk, in_thread
from models import log_page
from models.errors import Refused
from ops.bell import NEWS

MOST_OF_SESSION, MOST_OF_OPERATOR, MOST = 4, 12, 200  # streams of a signed-in browser, of its operator, of a process
COMMENT_EVERY = 15.0  # seconds; proxies cut what is silent for a minute
CHECK_EVERY = 60.0  # seconds until a silent stream asks whether its session still stands
PACE = 1.0  # seconds between events, however fast a list changes
LOOK_UP_EVERY = 1.0  # seconds that a subscription outlives its last page
AGAIN_AFTER = 1.0  # seconds until Valkey is tried again
AGAIN_SECONDS = 60  # until a page for whose stream there was no room asks again
_log = structlog.get_logger()


class Listener:
    """One open page: it waits until its list changes, or until everything ends."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._heard = False

    def tell(self) -> None:
        """The list has changed."""
        self._heard = True
        self._woken.set()

    def wake(self) -> None:
        """Look whether it has."""
        self._woken.set()

    async def wait(self, within: float) -> tuple[bool, bool]:
        """Whether it was woken before the time was up, and whether because the list has changed."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), within)
        outcome = self._woken.is_set(), self._heard
        self._woken.clear()
        self._heard = False
        return outcome


class Whose(NamedTuple):
    """Who opens a page."""

    session_id: str
    operator_id: str


class Streams:
    """The open pages of a process, and the subscription that is held while there are any."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._listeners: dict[str, set[Listener]] = {}
        self._open: Counter[str] = Counter()  # by session, and by operator
        self._count = 0
        self._task: asyncio.Task[None] | None = None
        self._last: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    @property
    def closed(self) -> bool:
        """Whether everything ends."""
        return self._closing.is_set()

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    def has_room(self, whose: Whose) -> bool:
        """Whether one more may be opened by somebody: from this browser, from all of theirs, from anybody's."""
        return (
            self._open[whose.session_id] < MOST_OF_SESSION
            and self._open[whose.operator_id] < MOST_OF_OPERATOR
            and self._count < MOST
        )

    @contextmanager
    def join(self, list_id: str, whose: Whose) -> Iterator[Listener]:
        """Listen to a list."""
        listener = Listener()
        self._listeners.setdefault(list_id, set()).add(listener)
        self._open.update(whose)
        self._count += 1
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._subscribe())
        try:
            yield listener
        finally:
            self._leave(list_id, whose, listener)

    def _leave(self, list_id: str, whose: Whose, listener: Listener) -> None:
        self._open -= Counter(whose)
        self._count -= 1
        self._listeners[list_id].discard(listener)
        if not self._listeners[list_id]:
            del self._listeners[list_id]

    def tell(self, list_id: str) -> None:
        """Tell everybody who listens to a list."""
        for listener in self._listeners.get(list_id, ()):
            listener.tell()

    def _wake_all(self) -> None:
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.wake()

    async def _subscribe(self) -> None:
        while self._listeners and not self.closed:
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                _log.warning("news_failed", error=type(error).__name__)
                await self.pause(AGAIN_AFTER)

    async def _listen(self) -> None:
        async with (
            redis.asyncio.Redis.from_url(self._url, socket_connect_timeout=1) as client,
            client.pubsub() as heard,
        ):
            await heard.subscribe(NEWS)
            # It ends by itself once nobody listens: redis-py can swallow a cancellation while it connects.
            while self._listeners and not self.closed:
                message = await heard.get_message(timeout=LOOK_UP_EVERY)
                if message and message["type"] == "message":
                    self.tell(message["data"].decode())
                elif message:
                    self._wake_all()  # subscribed (again): what was said meanwhile nobody heard

    def end_with(self, stopping: asyncio.Event | None) -> None:
        """End every stream as soon as the server stops: it waits for its connections, and streams do not end by
        themselves."""
        if stopping is not None and self._last is None:
            self._last = asyncio.get_running_loop().create_task(self._end_with(stopping))

    async def _end_with(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self.close()

    def close(self) -> None:
        """End every stream."""
        self._closing.set()
        self._wake_all()


@get("/lists/{list_id:str}/sync/stream")
async def stream(request: Call, list_id: ListId) -> Response[str] | Stream:
    """A stream of one list's news, as long as the session stands."""
    streams: Streams = request.app.state.streams
    streams.end_with(request.scope["state"].get("stopping"))  # ingress.server's
    whose, newest = await _look(request, list_id)
    if streams.closed or not streams.has_room(whose):
        return pages.html("", 503, Retry_After=str(AGAIN_SECONDS))
    seen = request.headers.get("last-event-id") or request.query_params.get("since") or ""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    events = _events(request, list_id, whose, seen if seen != str(newest) else None, newest)
    return Stream(events, media_type="text/event-stream", headers=headers)


async def _events(request: Call, list_id: str, whose: Whose, missed: str | None, newest: int) -> AsyncIterator[str]:
    streams: Streams = request.app.state.streams
    if not streams.has_room(whose):  # others were opened since that was asked, and are there already
        yield f"retry: {AGAIN_SECONDS * 1000}\n\n"
        return
    with streams.join(list_id, whose) as listener:
        yield ": open\n\n" if missed is None else _event(newest)
        looked_at = time.monotonic()
        while True:
            woken, heard = await listener.wait(COMMENT_EVERY)
            if streams.closed:
                return
            if not woken and time.monotonic() - looked_at < CHECK_EVERY:
                yield ": open\n\n"
                continue
            try:
                before, (_, newest) = newest, await _look(request, list_id)
            except Refused:
                return  # signed out meanwhile, or the list is another organisation's: the page finds out by itself
            except DatabaseError:
                yield ": open\n\n"
                continue
            looked_at = time.monotonic()
            yield _event(newest) if heard or newest != before else ": open\n\n"
            await streams.pause(PACE)


def _event(newest: int) -> str:
    return f"event: provisioning\nid: {newest}\ndata: {newest}\n\n"


@in_thread
def _look(request: Call, list_id: str) -> tuple[Whose, int]:
    """Whose session it is, and the newest entry; refused to whoever may not see the list (any more)."""
    with at_desk(request, list_id) as desk:
        newest = log_page.newest(desk.cursor, list_id)
        return Whose(desk.session.id, desk.session.operator_id), newest.id if newest else 0


ROUTES = [stream]
