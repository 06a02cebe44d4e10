"""The bell: tells workers which lanes have work. A doorbell, not a store: what it loses, the sweep finds."""

import time
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import msgspec
import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from models.fields.rewriting import NOTHING, Following
from models.journal import LANES, Lane
from ops import metrics

NAMESPACE = "muster"
QUEUE = "lanes"
JOBS = "jobs"  # long work has a queue of its own: two waiting jobs would silence the nudges of lanes
DRAIN = "drain"
FORGET = "forget"
REMAP = "remap"
SYNC = "sync"
IMPORT = "import"
FIELDS = "fields"
SESSION = "session"
RUNG = f"{NAMESPACE}:rung"
WAKE = f"{NAMESPACE}:wake"
NEWS = f"{NAMESPACE}:news"  # a channel: ids of lists whose log has changed, for consoles that show it
TAKE = 64

# Lanes go into a set, so that ringing twice is ringing once; a nudge is pushed only when a lane is new
# (or the sweep insists) and the queue is short, because a drain takes 64 lanes whichever woke it.
_RING = """
local new = 0
for i = 4, #ARGV do new = new + redis.call('SADD', KEYS[1], ARGV[i]) end
if (new > 0 or ARGV[3] == '1') and redis.call('LLEN', KEYS[2]) < 2 then
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
  redis.call('RPUSH', KEYS[2], ARGV[1])
  redis.call('LPUSH', KEYS[4], '1')
  redis.call('LTRIM', KEYS[4], 0, 15)
end
return new
"""

_log = structlog.get_logger()


class Bell:
    """Rings lanes and takes rung ones. `ring` and `nudge` never raise: a lost ring costs two seconds."""

    def __init__(self, redis_url: str) -> None:
        self._client = redis.Redis.from_url(
            redis_url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 1)
        )
        self._ring = self._client.register_script(_RING)
        self._deaf_until = 0.0

    def ring(self, lanes: Iterable[Lane], insist: bool = False) -> bool:
        """Announce that these lanes have rows, after the COMMIT that put them there; False if nobody heard."""
        names = [f"{lane.list_id}:{lane.number}" for lane in lanes]
        return self._push(QUEUE, DRAIN, names, insist) if names or insist else True

    def forget(self, list_id: str) -> bool:
        """Have a disconnected list forgotten; False if nobody heard."""
        return self._push(JOBS, FORGET, [], True, list_id)

    def remap(self, list_id: str, job_id: str) -> bool:
        """Have a list mapped again; False if nobody heard."""
        return self._push(JOBS, REMAP, [], True, list_id, job_id)

    def sync(self, list_id: str, job_id: str) -> bool:
        """Have a list pulled from its directory; False if nobody heard."""
        return self._push(JOBS, SYNC, [], True, list_id, job_id)

    def people(self, list_id: str, job_id: str) -> bool:
        """Have an import previewed or run; False if nobody heard."""
        return self._push(JOBS, IMPORT, [], True, list_id, job_id)

    def fields(self, list_id: str, job_id: str) -> bool:
        """Have people's values changed after their field; False if nobody heard."""
        return self._push(JOBS, FIELDS, [], True, list_id, job_id)

    def session(self, list_id: str, job_id: str) -> bool:
        """Have a session deleted; False if nobody heard."""
        return self._push(JOBS, SESSION, [], True, list_id, job_id)

    def schema(self, list_id: str, following: Following = NOTHING) -> None:
        """A list's fields were changed: have its jobs follow. Drains that met the lock have dropped their lanes."""
        if following.values is not None:
            self.fields(list_id, following.values)
        if following.remap is not None:
            self.remap(list_id, following.remap)
        self.ring(Lane(list_id, number) for number in range(LANES))

    def _push(self, queue: str, actor: str, names: list[str], insist: bool, *arguments: str) -> bool:
        identifier = str(uuid4())
        message = {
            "queue_name": queue,
            "actor_name": actor,
            "args": arguments,
            "kwargs": {},
            "options": {"redis_message_id": identifier},
            "message_id": identifier,
            "message_timestamp": int(time.time() * 1000),
        }
        # While Valkey is away every call costs its time-out, so it is spared for a moment.
        if time.monotonic() < self._deaf_until:
            metrics.BELL_FAILURES.inc()
            return False
        try:
            self._ring(
                keys=[RUNG, f"{NAMESPACE}:{queue}", f"{NAMESPACE}:{queue}.msgs", WAKE],
                args=[identifier, msgspec.json.encode(message), "1" if insist else "0", *names],
            )
        except redis.RedisError as error:
            self._deaf_until = time.monotonic() + 1
            metrics.BELL_FAILURES.inc()
            _log.warning("bell_failed", error=type(error).__name__)
            return False
        return True

    def take(self) -> list[Lane]:
        """Up to 64 rung lanes, taken out of the set before they are claimed."""
        lanes = []
        names: Any = self._client.spop(RUNG, TAKE)  # redis-py types every reply as anything at all
        for name in names or ():
            list_id, _, number = name.decode().partition(":")
            lanes.append(Lane(list_id, int(number)))
        return lanes

    def any_rung(self, changed: Iterable[str] = ()) -> bool:
        """Whether lanes are left in the set; with the same round trip consoles hear which lists' logs have changed."""
        with self._client.pipeline(transaction=False) as pipeline:
            for list_id in changed:
                pipeline.publish(NEWS, list_id)
            pipeline.scard(RUNG)
            return bool(pipeline.execute()[-1])

    def tell(self, changed: Iterable[str]) -> None:
        """Tell consoles which lists' logs have changed. Never raises: they look every few seconds anyway."""
        if time.monotonic() < self._deaf_until:
            return
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for list_id in changed:
                    pipeline.publish(NEWS, list_id)
                pipeline.execute()
        except redis.RedisError as error:
            self._deaf_until = time.monotonic() + 1
            _log.warning("bell_failed", error=type(error).__name__)
