"""What providers were told: the whole of it, for the auditor to hold against what is there."""

import threading
from dataclasses import dataclass, field
from typing import NamedTuple

LOST, DOUBLED, OUT_OF_ORDER, STALE, BREACH = "lost", "doubled", "out_of_order", "stale", "isolation_breaches"
FAILINGS = (LOST, DOUBLED, OUT_OF_ORDER, STALE, BREACH)
NOTABLE = 0.1  # seconds from a first try to its acknowledgement


class Finding(NamedTuple):
    """Something that must not be: one of the failings, and a sentence."""

    failing: str
    sentence: str


class Wait(NamedTuple):
    """A write that took long: when it was first tried, and acknowledged."""

    began: float
    ended: float


@dataclass
class User:
    """A user as the provider has it, and every SCIM id that it ever had."""

    user_name: str
    id: str | None = None
    title: str = ""
    active: bool = True
    ids: list[str] = field(default_factory=list)


@dataclass
class Team:
    """A group as the provider has it: its members by SCIM id."""

    name: str
    id: str
    members: set[str] = field(default_factory=set)


@dataclass
class Ledger:
    """One list's. `acknowledged`: request id → version that was answered, 0 where none is."""

    list_id: str
    users: list[User] = field(default_factory=list)
    teams: list[Team] = field(default_factory=list)
    acknowledged: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    requests: int = 0
    retried: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def acknowledge(self, request_id: str, version: int, began: float, ended: float) -> None:
        """An answer of 2xx to a write came."""
        with self.lock:
            if request_id in self.acknowledged:
                self.findings.append(Finding(DOUBLED, f"two answers have the request id {request_id}"))
            self.acknowledged[request_id] = version
            if ended - began > NOTABLE:
                self.waits.append(Wait(began, ended))

    def count(self, retried: bool) -> None:
        """A request was sent, the first of its kind or once more."""
        with self.lock:
            self.requests += 1
            self.retried += retried

    def find(self, failing: str, sentence: str) -> None:
        """Write down what must not be."""
        with self.lock:
            self.findings.append(Finding(failing, sentence))
