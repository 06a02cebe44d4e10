"""A run: providers push, faults are done one after another, everything comes to rest, and the auditor looks."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from models import connection, database, master_list, organisation, token
from ops.chaos.auditor import audited
from ops.chaos.faults import FAULTS, planned
from ops.chaos.ground import Ground
from ops.chaos.ledger import FAILINGS, Finding, Ledger, Wait
from ops.chaos.provider import Provider

LISTS, JOBS_A_LIST, USERS_A_JOB = 3, 3, 12
PEACE = 2.0  # seconds of traffic before the first fault and after the last
EMPTY_WITHIN = 120.0  # seconds
MOST_FINDINGS_SHOWN = 20
NEEDS_A_DISK = "fill-disk"
Say = Callable[[str], None]


class Done(NamedTuple):
    """One fault: when it was begun, and when everything was back."""

    kind: str
    began: float
    ended: float


@dataclass
class Report:
    """What a run came to."""

    seed: int
    seconds: float = 0.0
    done: list[Done] = field(default_factory=list)
    ledgers: list[Ledger] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    backlog_seconds: float = 0.0
    log: str = ""  # what the processes wrote down, where there are findings

    def counts(self) -> dict[str, int]:
        """Findings by failing; all 0 is what is promised."""
        return {failing: sum(one.failing == failing for one in self.findings) for failing in FAILINGS}

    def as_json(self) -> dict[str, Any]:
        """What `muster chaos --json` prints."""
        waits = [wait for ledger in self.ledgers for wait in ledger.waits]
        return {
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "requests": sum(ledger.requests for ledger in self.ledgers),
            "acknowledged": sum(len(ledger.acknowledged) for ledger in self.ledgers),
            "retried": sum(ledger.retried for ledger in self.ledgers),
            "faults": [
                {"kind": kind, "count": len(times), "longest_outage_seconds": round(longest(times, waits), 2)}
                for kind, times in _by_kind(self.done).items()
            ],
            "skipped": [{"kind": kind, "because": why} for kind, why in self.skipped.items()],
            **self.counts(),
            "backlog_empty_seconds": round(self.backlog_seconds, 2),
            "findings": [one.sentence for one in self.findings[:MOST_FINDINGS_SHOWN]],
        }


def _by_kind(done: Sequence[Done]) -> dict[str, list[Done]]:
    kinds = sorted({one.kind for one in done}, key=list(FAULTS).index)
    return {kind: [one for one in done if one.kind == kind] for kind in kinds}


def longest(times: Sequence[Done], waits: Sequence[Wait]) -> float:
    """Seconds of the longest wait of a provider for an acknowledgement that overlaps one of these faults."""
    overlapping = (
        wait.ended - wait.began for one in times for wait in waits
        if wait.began < one.ended and wait.ended > one.began
    )  # fmt: skip
    return max(overlapping, default=0.0)


def run(seconds: float, seed: int, kinds: Sequence[str], pause: float, say: Say) -> Report:
    """Break a Muster of its own for so long. `pause`: seconds between two writes of a job."""
    report = Report(seed)
    with Ground.made() as ground:
        if NEEDS_A_DISK in kinds and ground.disk is None:
            report.skipped[NEEDS_A_DISK] = ground.undisked
        providers = _providers(ground, report)
        _broken(ground, providers, seconds, pause, [kind for kind in kinds if kind not in report.skipped], report, say)
        with ground.connect() as opened:
            began = time.monotonic()
            ground.until(lambda: _empty(opened, report.ledgers), "an empty journal", EMPTY_WITHIN)
            report.backlog_seconds = time.monotonic() - began
            say("auditing")
            report.findings = [found for ledger in report.ledgers for found in audited(opened, ledger)]
        if report.findings:
            report.log = ground.told()
    return report


def _providers(ground: Ground, report: Report) -> list[Provider]:
    made = []
    with ground.connect() as opened, database.transaction(opened) as cursor:
        owner = organisation.ensure(cursor, "Chaos", "business")
        for number in range(LISTS):
            list_id = master_list.create(cursor, owner, f"Chaos {number}")
            database.allow(cursor, [list_id])
            connection.connect(cursor, list_id, "userName", "chaos")
            issued = token.issue(cursor, list_id, "chaos", None, "chaos")
            report.ledgers.append(Ledger(list_id))
            base_url = f"{ground.root}/scim/v2/{list_id}"
            made += [
                Provider(report.ledgers[-1], f"job{number}{job}", base_url, issued.token, USERS_A_JOB)
                for job in range(JOBS_A_LIST)
            ]
    for provider, other in zip(made, made[JOBS_A_LIST:] + made[:JOBS_A_LIST], strict=True):
        provider.neighbour = other
    return made


def _broken(
    ground: Ground, providers: Sequence[Provider], seconds: float, pause: float, kinds: list[str], report: Report,
    say: Say,
) -> None:  # fmt: skip
    """Traffic, and faults in the midst of it."""
    ends, began = threading.Event(), time.monotonic()
    with ThreadPoolExecutor(len(providers)) as pool:
        jobs = [pool.submit(provider.run, ends, pause) for provider in providers]
        try:
            time.sleep(PEACE)
            for kind, rest, chances in _plan(report.seed, kinds, began + seconds):
                time.sleep(rest)
                started = time.monotonic()
                say(f"{started - began:6.1f} s  {kind}")
                FAULTS[kind](ground, Random(chances))  # noqa: S311
                ground.until_whole(kind)
                report.done.append(Done(kind, started, time.monotonic()))
            time.sleep(PEACE)
        finally:
            ends.set()
        for job in jobs:
            job.result()
    report.seconds = time.monotonic() - began


def _plan(seed: int, kinds: list[str], until: float) -> Iterator[tuple[str, float, int]]:
    following = planned(seed, kinds)
    while time.monotonic() < until:
        yield following()


def _empty(opened: database.Connection, ledgers: Sequence[Ledger]) -> bool:
    lists = [ledger.list_id for ledger in ledgers]
    with database.transaction(opened, lists) as cursor:
        return cursor.execute("select 1 from journal where list_id = any(%s) limit 1", (lists,)).fetchone() is None
