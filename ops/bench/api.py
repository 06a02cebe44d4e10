"""The api suite: a script's requests with one key against a large list, one at a time and many at once."""

import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from models import api_key, database, master_list, organisation
from models.fields import schema
from ops import filling
from ops.bench import load
from ops.bench.grid import text_table
from ops.bench.load import request
from ops.bench.system import System

SECONDS = 5.0  # that a kind of request is sent for
PATCHED = 10_000  # people who are changed, and read one by one, at most
CURSORS = 100  # places in the list that pages begin at
SEED = 7
Say = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """A kind of request over so many connections: answers a second, milliseconds, and how many were not as expected."""

    what: str
    connections: int
    rate: float
    p50_ms: float
    p99_ms: float
    wrong: int


class Script:
    """Requests of one key to one list, prebuilt."""

    def __init__(self, system: System, list_id: str, key: str) -> None:
        parts = urlsplit(system.console_root)
        self.address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._key, self._path = key, f"/api/v1/lists/{list_id}"

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """One of them."""
        return request(method, f"{self._path}{path}", self._key, body, "application/json")

    def one(self, path: str) -> Any:
        """What a read is answered."""
        bodies: list[bytes] = []
        load.run(*self.address, [iter([self.request("GET", path)])], 60, lambda _, __, body: bodies.append(body))
        return json.loads(bodies[0])


def measure(system: System, users: int, say: Say, seconds: float = SECONDS, connections: int = 64) -> list[Result]:
    """Each kind of request over one connection, then over `connections`."""
    list_id, _ = system.new_list()
    say(f"filling a list with {users:,} people")
    filling.fill(system.database_url, system.owner_url, list_id, users, 0)
    script = Script(system, list_id, _prepare(system, list_id))
    kinds = _kinds(system, script, list_id)
    found = []
    for at_once in (1, connections):
        for what, requests in kinds.items():
            say(f"{what}, {at_once} at a time")
            found.append(_result(script, what, requests, at_once, seconds))
    return found


def _prepare(system: System, list_id: str) -> str:
    """A field that no identity provider writes, and a key."""
    with database.connect(system.database_url) as opened, database.transaction(opened, [list_id]) as cursor:
        schema.add(cursor, list_id, master_list.new_field("Locker", "text"))
        owner = organisation.of_list(cursor, list_id)
        return api_key.create(cursor, owner, "bench", api_key.WRITE, None, "bench").token


def _kinds(system: System, script: Script, list_id: str) -> dict[str, Iterator[bytes]]:
    """What is asked, without end."""
    chosen = random.Random(SEED)
    rows = system.rows(f"select id::text from person where list_id = %s order by id limit {PATCHED}", list_id)
    people = [str(row[0]) for row in rows]
    cursors = list(itertools.islice(_cursors(script), CURSORS))
    return {
        "get a person": (script.request("GET", f"/people/{chosen.choice(people)}") for _ in itertools.count()),
        "first page of 50": itertools.repeat(script.request("GET", "/people")),
        "page of 50 by cursor": (
            script.request("GET", f"/people?cursor={chosen.choice(cursors)}") for _ in itertools.count()
        ),
        "search, a page of 50": (
            script.request("GET", f"/people?q={chosen.randrange(1_000):03}") for _ in itertools.count()
        ),
        "patch a person": (
            script.request("PATCH", f"/people/{chosen.choice(people)}", b'{"fields":{"locker":"%d"}}' % number)
            for number in itertools.count()
        ),
    }


def _cursors(script: Script) -> Iterator[str]:
    """The cursors of pages of 200, one after the other."""
    following = script.one("/people?limit=200")["next_cursor"]
    while following is not None:
        yield following
        following = script.one(f"/people?limit=200&cursor={following}")["next_cursor"]


def _result(script: Script, what: str, requests: Iterator[bytes], connections: int, seconds: float) -> Result:
    tally = load.run(*script.address, [requests] * connections, seconds)
    wrong = tally.unexpected(frozenset({200}))
    return Result(what, connections, tally.rate, 1000 * tally.quantile(0.5), 1000 * tally.quantile(0.99), wrong)


def table(results: Sequence[Result]) -> str:
    """For docs/measurements.md."""
    heads = ("request", "at a time", "requests a second", "p50 ms", "p99 ms", "wrong")
    rows = [
        (one.what, str(one.connections), f"{one.rate:,.0f}", f"{one.p50_ms:.1f}", f"{one.p99_ms:.1f}", str(one.wrong))
        for one in results
    ]
    return text_table(heads, rows)


def as_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    """For `--json`."""
    return [asdict(one) for one in results]
