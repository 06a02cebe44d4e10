"""A connected list, identities accepted into it and drains of chosen lanes: no process, no queue."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from models import acceptance, database, journal, master_list, organisation, person, provisioning_log
from models import connection as connections
from models.change import Accepted, Change, Outcome, Request
from models.database import Connection
from models.journal import Lane
from models.resource import Document
from workers.provision import Settled, provision

_requests = count(1)


@dataclass
class Roster:
    """One list, as a test drives it."""

    connection: Connection
    list_id: str
    unique_identifier: str = "userName"

    def accept(self, verb: str, document: Document | None = None, identity_id: str | None = None) -> Outcome:
        """What ingress does with one change."""
        request = Request(f"request-{next(_requests)}", None, "sct_test0000", None)

        def apply(present: Document | None) -> Document:
            return {**(present or {}), **(document or {})}

        change = Change(self.list_id, verb, request, apply, identity_id)
        with database.transaction(self.connection, [self.list_id]) as cursor:
            outcomes, _ = acceptance.accept(cursor, [change], {self.list_id: self.unique_identifier})
        return outcomes[0]

    def create(self, user_name: str, **attributes: Any) -> str:
        """An accepted create; returns the SCIM id."""
        outcome = self.accept("create", {"userName": user_name, "active": True, **attributes})
        assert isinstance(outcome, Accepted), outcome
        return outcome.id

    def update(self, identity_id: str, **attributes: Any) -> None:
        """An accepted update."""
        outcome = self.accept("update", attributes, identity_id)
        assert isinstance(outcome, Accepted), outcome

    def delete(self, identity_id: str) -> None:
        """An accepted delete."""
        assert isinstance(self.accept("delete", None, identity_id), Accepted)

    def lane(self, identity_id: str) -> Lane:
        """The lane of an identity."""
        return journal.lane_of(self.list_id, identity_id)

    def drain(self, *lanes: Lane) -> Settled:
        """Provision these lanes, or all of them until the journal is empty."""
        if lanes:
            return provision(self.connection, list(lanes), {})
        settled = Settled()
        while self.pending():
            every = [Lane(self.list_id, number) for number in range(journal.LANES)]
            settled = settled.add(provision(self.connection, every, {}))
        return settled

    def pending(self) -> bool:
        """Whether the journal has rows of the list."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            return journal.pending(cursor, self.list_id)

    def people(self) -> list[dict[str, Any]]:
        """Everyone, in order of UID."""
        return list(person.people(self.connection, self.list_id, "all"))

    def log(self) -> list[tuple[str, str, str | None]]:
        """(operation, result, detail) of every entry, oldest first."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            entries = provisioning_log.newest(cursor, self.list_id, 1000)
        return [(entry["operation"], entry["result"], entry["detail"]) for entry in reversed(entries)]


MakeRoster = Callable[[str], Roster]


@pytest.fixture
def make_roster(connection: Connection) -> MakeRoster:
    """Connected lists by unique identifier."""
    numbers = count(1)

    def make(unique_identifier: str) -> Roster:
        with database.transaction(connection) as cursor:
            organisation_id = organisation.ensure(cursor, "North School")
            list_id = master_list.create(cursor, organisation_id, f"Staff {next(numbers)}")
            connections.connect(cursor, list_id, unique_identifier, "test")
        return Roster(connection, list_id, unique_identifier)

    return make


@pytest.fixture
def staff(make_roster: MakeRoster) -> Roster:
    """The Staff list, by user name."""
    return make_roster("userName")
