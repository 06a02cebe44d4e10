"""The workers suite: how fast one process applies what waits, what that costs, and how long a lone change takes."""

import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from models import database
from models.database import Connection
from models.text import equality_key
from ops.account import Unusable
from ops.bench import lateness, waiting
from ops.bench.figures import quantile
from ops.bench.scale import Line as Wire
from ops.bench.system import System
from ops.bench.targets import Line
from ops.bench.traffic import patched, user

EVENTS, LISTS, ALONE = 100_000, 10, 100
SEEN_WITHIN = 30.0  # seconds
LOOK_EVERY = 0.2  # seconds, whether the journal is empty; the end itself is read from the log
PAID = ("workers", "postgres")
RATE, COST, ALONE_MS, ALONE_WORST_MS = 12_000, 0.09, 20.0, 60.0
REST_WITHIN, RESTED_FOR, IDLE = 60.0, 3.0, 0.03  # seconds, seconds, and of a core: when PostgreSQL is idle
Say = Callable[[str], None]

# Of the lists of a run: people, inactive ones, entries by operation, and whom the log tells apart from the identity.
_FOUND = (
    "select (select count(*) from person where list_id = any(%(lists)s)),"
    " (select count(*) from person where list_id = any(%(lists)s) and not active),"
    " (select count(*) from log_entry where list_id = any(%(lists)s) and operation = 'create' and result = 'applied'),"
    " (select count(*) from log_entry where list_id = any(%(lists)s) and operation = 'update' and result = 'applied'),"
    " (select count(*) from log_entry where list_id = any(%(lists)s) and operation = 'deactivate'"
    " and result = 'applied'), (select count(*) from log_entry where list_id = any(%(lists)s)),"
    " (select count(*) from journal where list_id = any(%(lists)s)),"
    " (select count(*) from identity i left join person p on p.list_id = i.list_id and p.identity_id = i.id"
    " where i.list_id = any(%(lists)s) and (p.fields ->> 'job_title' is distinct from i.document ->> 'title'"
    " or p.active is distinct from i.active))"
)
_SEEN = "select from person where list_id = %s and uid_key = %s and (%s::text is null or fields ->> 'job_title' = %s)"


@dataclass(frozen=True)
class Workers:
    """`rate`: operations applied a second by one process, from letting it go to the last entry of the log; `cpu`:
    seconds per 1,000 operations by component; `created`, `changed`: milliseconds from sending a lone request until
    another connection sees the person so; `wrong`: a sentence for each difference."""

    events: int
    accepted_rate: float
    rate: float
    cpu: dict[str, float]
    created: list[float]
    changed: list[float]
    wrong: list[str]


def measure(
    system: System, *, events: int = EVENTS, alone: int = ALONE, lists: int = LISTS, connections: int = 64, say: Say
) -> Workers:
    """All of it. The Muster must be the bench's own, with one worker process."""
    if not system.ours:
        raise Unusable("the suite stops workers, and does so only with a Muster of its own: name no running one")
    made = [system.new_list() for _ in range(lists)]
    list_ids, targets = [list_id for list_id, _ in made], [target for _, target in made]
    with system.workers_paused():
        say(f"having {events:,} operations accepted while the workers stand still")
        tally = waiting.accept(targets, events, connections, f"w{time.time_ns()}")
        before, began = system.cpu(), lateness.now(system)
        say("letting one worker process go")
    system.emptied(LOOK_EVERY)
    cpu = {name: (value - before[name]) * 1000 / events for name, value in system.cpu().items() if name in PAID}
    [(last,)] = system.rows(
        "select extract(epoch from max(applied_at))::float8 from log_entry where list_id = any(%s)", list_ids
    )
    wrong = differences(system, list_ids, events)
    if unexpected := tally.unexpected(waiting.EXPECTED):
        wrong.append(f"{unexpected} requests were not answered as they should be")
    say("waiting until the system is idle")
    _until_idle(system)
    say(f"{alone} lone creates, then as many PATCHes")
    created, changed = _alone(system, alone)
    return Workers(events, tally.rate, events / (last - began), cpu, created, changed, wrong)


def differences(system: System, list_ids: list[str], events: int) -> list[str]:
    """What is not as it must be when so many operations were applied to these lists."""
    with database.connect(system.owner_url, "muster-bench") as opened:
        row = opened.execute(_FOUND, {"lists": list_ids}).fetchone()
    assert row
    tenth = events // 10
    creates, updates, leavers = (tenth * waiting.BLOCK[kind] for kind in ("create", "update", "deactivate"))
    wanted = {
        "people": creates, "inactive people": leavers, "entries of creates": creates, "entries of updates": updates,
        "entries of deactivations": leavers, "entries": creates + updates + leavers, "rows of the journal": 0,
        "people who differ from their identities": 0,
    }  # fmt: skip
    return [
        f"{number} {what}, and there should be {right}"
        for (what, right), number in zip(wanted.items(), row, strict=True)
        if number != right
    ]


def _until_idle(system: System) -> None:
    """Wait until PostgreSQL has done what so much work leaves to it (vacuums, most of all), for a minute at most."""
    end = time.monotonic() + REST_WITHIN
    while time.monotonic() < end:
        before = system.cpu()["postgres"]
        time.sleep(RESTED_FOR)
        if system.cpu()["postgres"] - before < RESTED_FOR * IDLE:
            return


def _alone(system: System, times: int) -> tuple[list[float], list[float]]:
    """Milliseconds of creates, and of PATCHes of the same users, each on an idle system."""
    list_id, target = system.new_list()
    line = Wire(target)
    created, changed = [], []
    with database.connect(system.owner_url, "muster-bench") as opened:
        ids = []
        for number in range(times):
            _rest()
            began = time.perf_counter()
            ids.append(line.send("POST", "/Users", user(f"alone.{number}"))[1]["id"])
            created.append(_until_seen(opened, list_id, number, None, began))
        for number, user_id in enumerate(ids):
            _rest()
            title = f"Alone {number}"
            began = time.perf_counter()
            line.send("PATCH", f"/Users/{user_id}", msgspec.json.decode(patched(title)))
            changed.append(_until_seen(opened, list_id, number, title, began))
    line.close()
    return created, changed


def _rest() -> None:
    """Until everybody sleeps again, and not in step with anybody's clock."""
    time.sleep(random.uniform(0.05, 0.15))  # noqa: S311


def _until_seen(opened: Connection, list_id: str, number: int, title: str | None, began: float) -> float:
    key = equality_key(f"alone.{number}@bench.example")
    while not opened.execute(_SEEN, (list_id, key, title, title)).rowcount:
        if time.perf_counter() > began + SEEN_WITHIN:
            raise Unusable(f"alone.{number} is not in the list after {SEEN_WITHIN:.0f} s")
        time.sleep(0.0005)
    return (time.perf_counter() - began) * 1000


def table(found: Workers) -> str:
    """The results as text."""
    costs = ", ".join(f"{name} {value:.3f}" for name, value in found.cpu.items())
    return "\n".join(
        [
            f"{found.events:,} operations waited (accepted at {found.accepted_rate:,.0f} a second).",
            f"One worker process applied {found.rate:,.0f} a second. CPU s per 1,000: {costs},"
            f" together {sum(found.cpu.values()):.3f}.",
            f"A lone create until the person is in the list: p50 {quantile(found.created, 0.5):.1f} ms, the worst of"
            f" {len(found.created)} {max(found.created):.1f} ms.",
            f"A lone PATCH: p50 {quantile(found.changed, 0.5):.1f} ms, worst {max(found.changed):.1f} ms.",
            f"People, log and journal compared: {len(found.wrong)} differences.",
            *found.wrong,
        ]
    )


def as_json(found: Workers) -> dict[str, Any]:
    """For `--json`."""
    return asdict(found)


def lines(found: Workers) -> list[Line]:
    """Against the targets."""
    cost = sum(found.cpu.values())
    return [
        Line("workers: operations a second of one process", RATE, found.rate, "a second", True),
        Line("workers: process and PostgreSQL", COST, cost, "CPU s per 1,000"),
        Line("lone create to the list: p50", ALONE_MS, quantile(found.created, 0.5), "ms"),
        Line("lone create to the list: worst", ALONE_WORST_MS, max(found.created), "ms"),
        Line("workers: differences between what was sent and what is there", 0, len(found.wrong), ""),
    ]
