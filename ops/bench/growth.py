"""The growth suite: whether a request takes the same in a large list as in a small one of the same database.

The lists are filled once, and found again by the next run. Requests go over one connection at a time, some to the one
list, then as many to the other, and so on: whatever else the machine does meets both.
"""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import count
from statistics import median
from typing import Any
from urllib.parse import quote

from models import connection, database, journal, master_list, operator, organisation, token
from models.database import Cursor
from ops import filling
from ops.bench import targets
from ops.bench.backends import Backends
from ops.bench.console import HTMX, Visitor
from ops.bench.grid import text_table
from ops.bench.scale import Line
from ops.bench.system import System
from ops.bench.traffic import PATCH_OP, Target, user
from ops.generating import user_name

SMALL = 10_000, 50_000  # users and log entries
TIMES, BLOCK = 300, 20  # requests of a kind to each list, and how many of them one after the other
MOST = 1.3  # times as long in the large list
PAGE, FAR = 10, 1_000  # users a page, and the number of the page by cursor that begins far down
ORGANISATION, BY = "Bench", "bench"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Grown:
    """One kind of request in either list: milliseconds at the median, and seconds of PostgreSQL's processor time for
    a thousand, None where PostgreSQL is on another machine."""

    what: str
    small_ms: float
    large_ms: float
    small_cpu: float | None
    large_cpu: float | None
    times: int


class Side:
    """A list with so many users: what is asked of it, and over which connections."""

    def __init__(self, list_id: str, users: int, target: Target, sign_in: Callable[[], Visitor]) -> None:
        self.list_id, self.users, self.line = list_id, users, Line(target)
        self._sign_in, self._log = sign_in, f"/lists/{list_id}/sync/log"
        self._chance, self._fresh = random.Random(users), count(time.time_ns())  # noqa: S311
        self._ids: list[str] = []
        self._far = ""

    def kinds(self) -> dict[str, Callable[[], float]]:
        """By name: sends one request, and returns the milliseconds that its answer took."""
        return {
            "create": lambda: self._send("POST", "/Users", user(f"grown.{next(self._fresh)}")),
            "lookup by userName": lambda: self._send("GET", f"/Users?filter={self._someone()}"),
            "PATCH": lambda: self._send("PATCH", f"/Users/{self._chance.choice(self._ids)}", self._patch()),
            "first page": lambda: self._send("GET", f"/Users?count={PAGE}"),
            f"cursor page {FAR:,}": lambda: self._send("GET", f"/Users?count={PAGE}&cursor={self._far}"),
            "log page": lambda: self._visitor.get(self._log, **HTMX)[0],
            "log page, all time": lambda: self._visitor.get(f"{self._log}?period=all", **HTMX)[0],
        }

    @cached_property
    def _visitor(self) -> Visitor:
        return self._sign_in()  # late: an idle connection is closed

    def prepare(self) -> None:
        """Users to change, drawn by chance, and the cursor of a page that begins after nearly all."""
        for _ in range(TIMES):
            found = self.line.send("GET", f"/Users?filter={self._someone()}")[1]["Resources"]
            self._ids.append(found[0]["id"])
        step, cursor = max(1, self.users // FAR), ""
        for _ in range(FAR - 1):
            cursor = self.line.send("GET", f"/Users?count={step}&cursor={cursor}")[1].get("nextCursor") or cursor
        self._far = cursor

    def close(self) -> None:
        """Hang up."""
        self.line.close()
        self._visitor.close()

    def applied(self, cursor: Cursor) -> bool:
        """Whether the workers have done all that this list accepted."""
        return not journal.pending(cursor, self.list_id)

    def _send(self, method: str, path: str, body: Any = None) -> float:
        return self.line.send(method, path, body)[0]

    def _someone(self) -> str:
        return quote(f'userName eq "{user_name(self._chance.randrange(self.users))}"')

    def _patch(self) -> dict[str, Any]:
        operation = {"op": "replace", "path": "title", "value": f"Title {next(self._fresh)}"}
        return {"schemas": [PATCH_OP], "Operations": [operation]}


def suite(system: System, users: int, entries: int, say: Say) -> list[Grown]:
    """Fill what is not there, and ask both."""
    list_ids = lists(system.database_url, system.owner_url, users, entries, say=say)

    def base_url(list_id: str) -> str:
        return f"{system.public_root}/scim/v2/{list_id}"

    both = sides(system.database_url, list_ids, users, base_url, system.console_root, say=say)
    return measure(system.database_url, *both, say=say)


def lists(database_url: str, owner_url: str, users: int, entries: int, *, say: Say) -> list[str]:
    """The small list and one with so many users and log entries; filled, unless an earlier run did."""
    return [_filled(database_url, owner_url, *size, say) for size in (SMALL, (users, entries))]


def _filled(database_url: str, owner_url: str, users: int, entries: int, say: Say) -> str:
    called = f"Growth {users} {entries}"
    with database.connect(database_url, "muster-bench") as opened:
        with database.transaction(opened) as cursor:
            present = {one: list_id for list_id, one in master_list.names(cursor)}
            list_id = present.get(called) or master_list.create(
                cursor, organisation.ensure(cursor, ORGANISATION), called
            )
            database.allow(cursor, [list_id])
            if called not in present:
                connection.connect(cursor, list_id, "userName", BY)
        with database.transaction(opened, [list_id]) as cursor:
            held = cursor.execute("select exists (select from person where list_id = %s)", (list_id,)).fetchone()
    if held == (False,):
        say(f"filling a list with {users:,} users and {entries:,} log entries")
        filling.fill(database_url, owner_url, list_id, users, entries)
    return list_id


def sides(
    database_url: str,
    list_ids: Sequence[str],
    users: int,
    base_url: Callable[[str], str],
    console_root: str,
    *,
    say: Say,
) -> list[Side]:
    """Both lists, each with a token of its own and somebody signed in."""
    made = []
    with database.connect(database_url, "muster-bench") as opened, database.transaction(opened, list_ids) as cursor:
        email = f"growth.{time.time_ns()}@muster.example"
        password = operator.add(cursor, organisation.ensure(cursor, ORGANISATION), email)
        tokens = [token.issue(cursor, one, "growth", None, BY).token for one in list_ids]
    for list_id, secret, number in zip(list_ids, tokens, (SMALL[0], users), strict=True):
        side = Side(list_id, number, Target(base_url(list_id), secret), partial(Visitor, console_root, email, password))
        say(f"walking through {number:,} users by cursor")
        side.prepare()
        made.append(side)
    return made


def measure(database_url: str, small: Side, large: Side, *, say: Say, times: int = TIMES) -> list[Grown]:
    """Each kind of request; then both hang up."""
    with closing(small), closing(large), database.connect(database_url, "muster-bench") as opened:
        backends = Backends(opened)
        return [_compare(backends, opened, what, (small, large), times, say) for what in small.kinds()]


def _compare(
    backends: Backends, opened: database.Connection, what: str, both: tuple[Side, Side], times: int, say: Say
) -> Grown:
    say(what)
    took: list[list[float]] = [[], []]
    spent = [0.0, 0.0]
    for block in range(-1, -(-times // BLOCK)):
        for number, side in enumerate(both):
            send, before = side.kinds()[what], backends.seconds()
            answered = [send() for _ in range(BLOCK)]
            while not _applied(opened, side):
                time.sleep(0.002)
            if block >= 0:  # the first one opened connections and made plans
                took[number] += answered
                spent[number] += backends.seconds() - before
    small_ms, large_ms = (round(median(one), 2) for one in took)
    small_cpu, large_cpu = (round(one / len(took[0]) * 1000, 3) if backends.here else None for one in spent)
    return Grown(what, small_ms, large_ms, small_cpu, large_cpu, len(took[0]))


def _applied(opened: database.Connection, side: Side) -> bool:
    with database.transaction(opened, [side.list_id]) as cursor:
        return side.applied(cursor)


def table(results: Sequence[Grown], users: int) -> str:
    """For docs/measurements.md."""
    heads = ("request", f"{SMALL[0]:,} users: p50 ms", f"{users:,}", "ratio", "PostgreSQL CPU s per 1,000", "", "ratio")
    return text_table(heads, [_row(one) for one in results])


def _row(one: Grown) -> list[str]:
    row = [one.what, f"{one.small_ms:.2f}", f"{one.large_ms:.2f}", f"{one.large_ms / one.small_ms:.2f}"]
    if one.small_cpu is None or one.large_cpu is None:
        return [*row, "", "", ""]
    return [*row, f"{one.small_cpu:.3f}", f"{one.large_cpu:.3f}", f"{one.large_cpu / one.small_cpu:.2f}"]


def lines(results: Sequence[Grown], users: int) -> list[targets.Line]:
    """The target of each."""
    said = f"of {users:,} users to {SMALL[0]:,}"
    return [
        targets.Line(f"{one.what}, {said}", MOST, round(one.large_ms / one.small_ms, 2), "times") for one in results
    ]


def as_json(results: Sequence[Grown]) -> list[dict[str, Any]]:
    """For `--json`."""
    return [asdict(one) for one in results]
