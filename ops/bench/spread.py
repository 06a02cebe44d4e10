"""The hosts suite: load spread over ingress hosts, what it costs, and whether everything arrived, once and in order."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import psycopg

from models import connection, database, master_list, organisation, token
from ops.account import Unusable
from ops.bench import costs, load, traffic
from ops.bench.costs import Reading, Sampler
from ops.bench.hosts import Installation, Shape, running
from ops.bench.load import Tally
from ops.bench.traffic import Target

LISTS = 8  # several customers; connections are dealt out to them
SEEDED = 250  # users of each, to look up and to change
REST = "rest"
PHASES = ("mix", "create", "lookup", "patch", REST)
EMPTY_WITHIN = 300.0  # seconds for the workers to finish
_SETTLED = "muster_drain_rows_sum"
_ACCEPT_TO_LIST = "muster_accept_to_list_seconds"
Say = Callable[[str], None]
Figures = dict[str, float]


@dataclass(frozen=True)
class Measured:
    """One phase on one shape, medians of its runs. Costs (cpu, wire_kb, wal_kb, valkey_commands, transactions,
    journal_rows) are per 1,000 requests; at rest, per 1,000 seconds."""

    shape: Shape
    connections: int
    phase: str
    figures: Figures


@dataclass(frozen=True)
class _Seeded:
    target: Target
    ids: list[str]
    names: list[str]

    def phases(self, number: int) -> dict[str, tuple[traffic.Phase, frozenset[int]]]:
        """What a connection may send; each begins with another user."""
        first = number * 7 % len(self.ids)
        return traffic.phases(self.target, self.ids[first:] + self.ids[:first], self.names)


def measure(
    shape: Shape,
    *,
    say: Say,
    seconds: float = 5,
    connections: Sequence[int] = (64,),
    runs: int = 1,
    phases: Sequence[str] = PHASES[:2],
    users: int = SEEDED,
) -> list[Measured]:
    """Every phase at every number of connections, on hosts that exist for it."""
    found = []
    with running(shape, say) as one:
        suite = Suite(one, say, users)
        for count in connections:
            for phase in phases:
                figures = [suite.run(phase, count, seconds) for _ in range(runs if phase != REST else 1)]
                middle = {name: median(each[name] for each in figures) for name in figures[0]}
                found.append(Measured(shape, count, phase, middle))
    return found


class Suite:
    """The lists of one installation, and what was acknowledged for them so far."""

    def __init__(self, one: Installation, say: Say, users: int = SEEDED) -> None:
        self._one, self._say = one, say
        self._number = 0
        self._sent: Counter[str] = Counter()
        say(f"seeding {LISTS} lists with {users} users each")
        self._lists = [_Seeded(target, *traffic.seed(target, users)) for target in _lists(one)]
        self._sent["POST"] = LISTS * users
        self._empty()
        self.round_trip_ms = _round_trip(one.database_url)

    def run(self, phase: str, connections: int, seconds: float) -> Figures:
        """One run of a phase."""
        if phase == REST:
            return self._rest(seconds)
        self._number += 1
        self._say(f"{phase}, {connections} connections")
        sent: Counter[str] = Counter()
        requests, expected = [], frozenset[int]()
        for number in range(connections):
            # Every list is served by every host, and its users are changed by all of them.
            turn, each = divmod(number // len(self._one.ingress), LISTS)
            make, expected = self._lists[each].phases(number)[phase]
            requests.append(_counted(make(turn, self._number * 1_000 + number), sent))
        before = costs.take(self._one)
        with Sampler(self._one.admin_url) as sampler:
            tally = load.run_over(self._one.doors(), requests, seconds)
            emptied = self._empty()
        self._sent += sent
        spent = self._settled().since(before)
        return (
            _answers(tally, sent, expected)
            | {"round_trip_ms": self.round_trip_ms, "backlog": float(sampler.backlog), "emptied_s": emptied}
            | {"journal_mb": sampler.journal_bytes / 1e6, **_connections(self._one, sampler)}
            | _costs(spent, sum(sent.values()))
            | self._wrong()
        )

    def _rest(self, seconds: float) -> Figures:
        """What is spent while nobody sends anything: per 1,000 seconds."""
        self._say("at rest")
        before = costs.take(self._one)
        time.sleep(seconds)
        return _costs(costs.take(self._one).since(before), seconds)

    def _empty(self) -> float:
        """Seconds until nothing waits any more."""
        began = time.monotonic()
        with psycopg.connect(self._one.admin_url, autocommit=True) as admin:
            while admin.execute("select from journal limit 1").rowcount:
                if time.monotonic() > began + EMPTY_WITHIN:
                    raise Unusable(f"the journal is not empty after {EMPTY_WITHIN:.0f} s")
                time.sleep(0.01)
        return time.monotonic() - began

    def _settled(self) -> Reading:
        """A reading in which the workers have counted all that is acknowledged: they do after the COMMIT."""
        end = time.monotonic() + 10
        while costs.metrics(self._one).get((_SETTLED, ""), 0) < self._sent["POST"] + self._sent["PATCH"]:
            if time.monotonic() > end:
                break  # what is missing shows in `wrong`
            time.sleep(0.01)
        return costs.take(self._one)

    def _wrong(self) -> Figures:
        """What was acknowledged and is not there, or there twice, or applied in another order."""
        creates, changes = self._sent["POST"], self._sent["PATCH"]
        with psycopg.connect(self._one.admin_url) as admin:
            rows = [admin.execute(question).fetchone() for question in (_STORED, _LOGGED, _APART, _CHAIN)]
        (users, people), (created, updated, requests), (apart,), (broken,) = (row or () for row in rows)
        return {
            "wrong.users": float(abs(users - creates) + abs(people - creates)),
            "wrong.entries": float(abs(created - creates) + abs(updated - changes) + abs(requests - creates - changes)),
            "wrong.order": float(apart + broken),
        }


_STORED = "select (select count(*) from identity), (select count(*) from person)"
_LOGGED = (
    "select count(*) filter (where operation = 'create'), count(*) filter (where operation = 'update'),"
    " count(distinct request_id) from log_entry"
)
# What a list shows and what its IdP said last.
_APART = (
    "select count(*) from identity i left join person p on p.list_id = i.list_id and p.identity_id = i.id"
    " where p.fields ->> 'job_title' is distinct from i.document ->> 'title'"
)
# In order of acceptance each change begins where the one before it ended.
_CHAIN = (
    "select count(*) from (select c ->> 'before' as before,"
    " lag(c ->> 'after') over (partition by e.list_id, e.identity_id order by e.id) as after"
    " from log_entry e, jsonb_array_elements(e.changes) c where c ->> 'field' = 'Job Title') x"
    " where after is not null and before is distinct from after"
)


def _lists(one: Installation) -> Iterator[Target]:
    host, port = one.doors()[0]
    with database.connect(one.database_url, "muster-bench") as opened:
        for number in range(LISTS):
            with database.transaction(opened) as cursor:
                owner = organisation.ensure(cursor, f"Bench {number}")
                list_id = master_list.create(cursor, owner, f"Bench {number}")
                database.allow(cursor, [list_id])
                connection.connect(cursor, list_id, "userName", "bench")
                issued = token.issue(cursor, list_id, "bench", None, "bench")
            yield Target(f"http://{host}:{port}/scim/v2/{list_id}", issued.token)


def _round_trip(database_url: str) -> float:
    """Milliseconds of a statement that does nothing."""
    taken = []
    with database.connect(database_url, "muster-bench") as opened:
        for _ in range(200):
            began = time.perf_counter()
            opened.execute("select 1")
            taken.append(time.perf_counter() - began)
    return median(taken) * 1000


def _counted(requests: Iterator[bytes], sent: Counter[str]) -> Iterator[bytes]:
    for one in requests:
        sent[one[: one.index(b" ")].decode()] += 1
        yield one


def _answers(tally: Tally, sent: Counter[str], expected: frozenset[int]) -> Figures:
    return {
        "requests": float(sum(sent.values())),
        "rate": tally.rate,
        "p50_ms": tally.quantile(0.5) * 1000,
        "p99_ms": tally.quantile(0.99) * 1000,
        "wrong.status": float(sum(count for status, count in tally.statuses.items() if status not in expected)),
        "wrong.unanswered": float(sum(sent.values()) - len(tally.seconds)),
    }


def _connections(one: Installation, sampler: Sampler) -> Figures:
    """Database connections that a host of each kind had at most."""
    by_host: Counter[str] = Counter()
    for (address, _), count in sampler.connections.items():
        by_host[address] += count
    kinds = {"ingress": one.ingress.values(), "workers": one.workers.values()}
    return {
        f"connections.{kind}": float(max((by_host[address] for address in places), default=0))
        for kind, places in kinds.items()
    }


def _costs(spent: Reading, count: float) -> Figures:
    thousands = max(1, count) / 1000
    return {
        "list_p50_ms": spent.quantile(_ACCEPT_TO_LIST, 0.5) * 1000,
        "list_p99_ms": spent.quantile(_ACCEPT_TO_LIST, 0.99) * 1000,
        **{f"cpu.{component}": seconds / thousands for component, seconds in spent.cpu.items()},
        **{f"wire_kb.{kind}": count / 1000 / thousands for kind, count in spent.wire.items()},
        "wal_kb": spent.wal / 1000 / thousands,
        "valkey_commands": spent.commands / thousands,
        "transactions.writes": spent.metric("muster_commit_batch_size_count") / thousands,
        "transactions.reads": spent.metric("muster_lookup_batch_size_count") / thousands,
        "transactions.drains": spent.metric("muster_drain_seconds_count") / thousands,
        "journal_rows": spent.metric(_SETTLED) / thousands,
    }


def wrong(every: Iterable[Figures]) -> float:
    """How much of all that is not as it should be."""
    return sum(value for figures in every for name, value in figures.items() if name.startswith("wrong."))


def as_json(results: Sequence[Measured]) -> list[dict[str, Any]]:
    """For `--json`."""
    return [asdict(one) for one in results]
