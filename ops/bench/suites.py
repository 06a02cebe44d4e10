"""The suites that measure one Muster, by name: each is told what was chosen, and tells what it found.

A suite that is added to `SUITES` can be named on the command line, and one that is added to `TABLE` as well has its
lines in the table of targets and its charts among the pictures.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from ops.bench.charts import Bars, Chart, Curves
from ops.bench.system import System
from ops.bench.targets import Line
from ops.bench.traffic import Target

Say = Callable[[str], None]
LARGE = 100_000  # users of a list that is to be large, where none are chosen


@dataclass(frozen=True)
class Chosen:
    """What the command line says; None: as the suite has it."""

    seconds: float | None = None
    connections: int = 64
    runs: int = 3
    users: int | None = None
    entries: int | None = None
    plans: bool = False
    with_workers: bool = False
    peer: Target | None = None
    events: int | None = None
    requests: int | None = None
    creates: int | None = None

    def given(self, *names: str) -> dict[str, Any]:
        """Those of these that are not left to the suite."""
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True)
class Outcome:
    """What a suite found: as text, for `--json`, against the targets and in pictures; how much of it was wrong."""

    text: str
    document: Any
    lines: list[Line] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    wrong: int = 0


Suite = Callable[[System, Chosen, Say], Outcome]


def ingress(system: System, chosen: Chosen, say: Say) -> Outcome:
    """Requests of every kind beside the ceiling, and beside a peer."""
    from ops.bench import ingress, ingress_shown

    options = chosen.given("seconds", "connections", "runs", "with_workers", "peer")
    found = ingress.measure(system, say=say, **options)
    document = ingress_shown.as_json(found)
    columns = {"ceiling": "ceiling", "Muster": "rate", "peer": "peer_rate"}
    bars = {name: [one[key] for one in document["phases"]] for name, key in columns.items()}
    groups = [one["phase"] for one in document["phases"]]
    if chosen.peer is None:
        del bars["peer"]
    title = f"Requests a second, {chosen.connections} connections, one ingress process"
    charts: list[Chart] = [Bars("ingress", title, "requests a second", groups, bars)]
    return Outcome(ingress_shown.table(found), document, ingress_shown.lines(found), charts, ingress_shown.wrong(found))


def workers(system: System, chosen: Chosen, say: Say) -> Outcome:
    """What waits, applied by one process; lone changes."""
    from ops.bench import workers

    found = workers.measure(system, say=say, **chosen.given("events", "connections"))
    return Outcome(workers.table(found), workers.as_json(found), workers.lines(found), wrong=len(found.wrong))


def burst(system: System, chosen: Chosen, say: Say) -> Outcome:
    """A hundred tenants at full speed; many creates into one list."""
    from ops.bench import burst, burst_shown

    found = burst.measure(system, say=say, **chosen.given("seconds", "creates"))
    series = {f"{one.rate:,.0f} requests a second": one.backlog for one in found.paces}
    series[f"burst of {found.flood.creates:,} creates"] = found.flood.backlog
    chart = Curves("backlog", "Operations that wait for a worker", "seconds since the beginning", "operations", series)
    wrong = len(burst_shown.wrong(found)) + burst_shown.errors(found)
    return Outcome(burst_shown.table(found), burst_shown.as_json(found), burst_shown.lines(found), [chart], wrong)


def group(system: System, chosen: Chosen, say: Say) -> Outcome:
    """One member more, in a small group and a large one."""
    from ops.bench import group

    found = group.measure(system, members=chosen.users or LARGE, say=say)
    return Outcome(group.table(found), group.as_json(found), group.lines(found), wrong=len(found.wrong))


def memory(system: System, chosen: Chosen, say: Say) -> Outcome:
    """What processes hold, idle and after much work."""
    from ops.bench import holding

    found = holding.measure(system, say=say, **chosen.given("requests", "events"))
    each = {"ingress process, by requests": found.ingress, "worker process, by operations": found.worker}
    series = {name: [(float(count), one.pss) for count, one in grown.samples] for name, grown in each.items()}
    across = "requests answered, or operations accepted"
    chart = Curves("memory", "Memory of one process under load (PSS)", across, "MB", series)
    return Outcome(
        holding.table(found), holding.as_json(found), holding.lines(found), [chart], found.worker.unexpected
    )  # fmt: skip


def console(system: System, chosen: Chosen, say: Say) -> Outcome:
    """Every page of a large list."""
    from ops.bench import console

    users, entries = chosen.users or LARGE, chosen.entries or 1_000_000
    found = console.suite(system, users, entries, say)
    document = {"people": users, "log": entries, "pages": [asdict(one) for one in found]}
    return Outcome(console.table(found), document, console.lines(found))


def scale(system: System, chosen: Chosen, say: Say) -> Outcome:
    """Requests of every kind, one at a time, against a large list."""
    from ops.bench import scale

    list_id, load = system.new_list()
    users = chosen.users or LARGE
    say(f"filling a list with {users:,} users")
    filled = scale.fill(system.owner_url, list_id, users)
    results = scale.measure(load, filled, say)
    told = scale.plans(system.database_url, list_id, filled) if chosen.plans else None
    document = {"users": users, "results": [asdict(one) for one in results], "plans": told}
    return Outcome(scale.table(results) + (f"\n\n{told}" if told else ""), document)


def growth(system: System, chosen: Chosen, say: Say) -> Outcome:
    """The same asked of a large list and a small one."""
    from ops.bench import growth

    users = chosen.users or 1_000_000
    found = growth.suite(system, users, chosen.entries or 5 * users, say)
    return Outcome(growth.table(found, users), growth.as_json(found), growth.lines(found, users))


def sync(system: System, chosen: Chosen, say: Say) -> Outcome:
    """A large directory pulled whole, and what has changed since."""
    from ops.bench import sync

    found = sync.measure(system, chosen.users or sync.USERS, say)
    return Outcome(sync.table(found), sync.as_json(found), wrong=sum(len(one.wrong) for one in found))


def people_csv(system: System, chosen: Chosen, say: Say) -> Outcome:
    """A large file of people in, out and in again."""
    from ops.bench import people_csv

    found = people_csv.measure(system, chosen.users or people_csv.ROWS, say)
    return Outcome(people_csv.table(found), people_csv.as_json(found), wrong=sum(len(one.wrong) for one in found))


def sessions(system: System, chosen: Chosen, say: Say) -> Outcome:
    """A large list copied, and the copy compared with it."""
    from ops.bench import sessions

    found = sessions.measure(system, chosen.users or LARGE, say)
    return Outcome(sessions.table(found), sessions.as_json(found))


def api(system: System, chosen: Chosen, say: Say) -> Outcome:
    """A script's requests against a large list."""
    from ops.bench import api

    options = chosen.given("seconds", "connections")
    found = api.measure(system, chosen.users or LARGE, say, **options)
    return Outcome(api.table(found), api.as_json(found), wrong=sum(one.wrong for one in found))


def overload(system: System, chosen: Chosen, say: Say) -> Outcome:
    """One list's flood, slow clients, and another list beside them."""
    from ops.bench import overload, overload_shown

    found = overload.measure(system, say, **chosen.given("seconds"))
    return Outcome(
        overload_shown.table(found), overload_shown.as_json(found), overload_shown.lines(found), wrong=found.wrong
    )


def hostile(system: System, chosen: Chosen, say: Say) -> Outcome:
    """Requests that are made to cost much, beside a bystander."""
    from ops.bench import hostile

    found = hostile.measure(system, say)
    return Outcome(hostile.table(found), hostile.as_json(found), wrong=len(hostile.wrong(found)))


SUITES: dict[str, Suite] = {
    "ingress": ingress, "scale": scale, "console": console, "workers": workers, "burst": burst, "group": group,
    "growth": growth, "memory": memory, "sync": sync, "csv": people_csv, "sessions": sessions,
    "api": api, "overload": overload, "hostile": hostile,
}  # fmt: skip
# Those that the table of targets is made of, in this order.
TABLE: dict[str, Suite] = {
    "ingress": ingress, "workers": workers, "burst": burst, "growth": growth, "group": group, "memory": memory,
    "console": console,
}  # fmt: skip
# The first stops workers, which nobody else's Muster is to suffer; the second's processes must be new, the third's must
# know its directory, and the fourth's let a key send as much as it can.
ON_THEIR_OWN = frozenset({"workers", "memory", "sync", "api"})
