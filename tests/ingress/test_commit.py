"""A commit batch with every kind of outcome in it, with one identity many times, and one that fails and is split."""

import asyncio
from collections.abc import Sequence
from typing import Any
from unittest import mock

import psycopg
from structlog.testing import capture_logs

from ingress import commit
from models import database, token
from models.change import Accepted, PreconditionFailed
from models.database import Connection
from models.errors import Refused, Taken, Unauthorised, Unknown
from models.group import SAME, UnknownMember
from tests.ingress.commits import ask, create, delete, group, holder_of, journaled, refused, update, users

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"


def together(url: str, *asks: commit.Ask) -> list[Any]:
    """What these come to in one batch: they are submitted before the loop turns."""
    sizes: list[int] = []

    async def everyone() -> list[Any]:
        writer, heavy = commit.writers(url, lambda _: None, lambda *_: None, 1000)
        carried_out = writer._slots[-1]._run

        def run(connection: Connection, some: Sequence[commit.Ask]) -> Any:
            sizes.append(len(some))
            return carried_out(connection, some)

        for slot in writer._slots:
            slot._run = run
        try:
            return await asyncio.gather(*map(writer.submit, asks), return_exceptions=True)
        finally:
            await writer.stop()
            await heavy.stop()

    with mock.patch("ingress.batches.COMPANY", 0.0):  # one list's are not kept small for another's sake
        answers = asyncio.run(everyone())
    assert sizes[0] == len(asks)
    return answers


def kind(outcome: Any) -> Any:
    return outcome.operation if isinstance(outcome, Accepted) else type(outcome)


def test_every_kind_of_outcome_in_one_batch(connection: Connection, database_url: str) -> None:
    staff, pupils, revoked = holder_of(connection), holder_of(connection, "Pupils"), holder_of(connection, "Old")
    connection.execute("update bearer_token set revoked_at = now() where id = %s", (revoked.token_id,))
    ada, bo, cy, di, eve = together(database_url, *(create(staff, name) for name in ("ada", "bo", "cy", "di", "eve")))
    together(database_url, update(staff, eve.id, active=False, externalId="1"))
    crew, gone = together(
        database_url,
        group(staff, "create", displayName="Crew", members=SAME.add([ada.id])),
        group(staff, "create", displayName="Gone", members=SAME),
    )

    outcomes = together(
        database_url,
        create(staff, "flo", externalId="2"),
        create(staff, "FLO"),  # taken by its neighbour
        create(staff, "ada"),  # taken before
        create(staff, "eve", externalId="1"),  # revived
        create(staff, "eve2", externalId="9"),
        create(pupils, "ada"),  # another list's
        create(revoked, "gil"),
        update(staff, ada.id, title="Registrar"),
        update(staff, ada.id, title="Registrar"),  # no change
        update(staff, bo.id, active=False),
        update(staff, bo.id, active=True),
        update(staff, cy.id, userName="flo"),  # taken
        delete(staff, di.id),
        update(staff, di.id, title="late"),
        update(staff, UNKNOWN, title="nobody"),
        ask(staff, "update", lambda present: present or {}, ada.id, expects=frozenset({"1"})),
        ask(staff, "create", refused(Refused("unreadable"))),
        group(staff, "create", displayName="crew", members=SAME),  # taken
        group(staff, "update", crew.id, displayName="Crew", members=SAME.add([bo.id, UNKNOWN])),
        group(staff, "update", crew.id, displayName="Crew", members=SAME.add([bo.id])),
        group(staff, "delete", gone.id),
    )

    kinds = list(map(kind, outcomes))
    assert kinds == [
        "create", Taken, Taken, "reactivate", "create", "create", Unauthorised, "update", "update", "deactivate",
        "reactivate", Taken, "delete", Unknown, Unknown, PreconditionFailed, Refused, Taken, UnknownMember, "update",
        "delete",
    ]  # fmt: skip
    assert outcomes[-2].member_count == 2
    assert set(users(connection, staff)) == {"ada", "bo", "cy", "eve", "eve2", "flo"}
    assert users(connection, staff)["ada"] == (2, {**ada.document, "title": "Registrar"})
    assert users(connection, staff)["bo"][0] == 3
    assert set(users(connection, pupils)) == {"ada"}
    assert [row[1] for row in journaled(connection, staff)][8:] == [
        one for one, outcome in zip(kinds, outcomes, strict=True)
        if isinstance(outcome, Accepted) and outcome is not outcomes[5]
    ]  # fmt: skip
    assert journaled(connection, revoked) == []


def test_one_identity_many_times_in_one_batch(connection: Connection, database_url: str) -> None:
    staff = holder_of(connection)
    (ada,) = together(database_url, create(staff, "ada"))
    steps: list[dict[str, Any]] = [{"title": f"Title {number}"} for number in range(40)]
    steps += [{"active": False}, {"active": True}, {"userName": "ada.okafor"}, {"title": "last"}]

    outcomes = together(database_url, *(update(staff, ada.id, **step) for step in steps), create(staff, "ada"))

    assert [one.version for one in outcomes] == [*range(2, 46), 1]
    assert outcomes[-1].id != ada.id
    assert users(connection, staff)["ada.okafor"] == (45, {**ada.document, "userName": "ada.okafor", "title": "last"})
    rows = journaled(connection, staff)[1:]
    assert [row[1] for row in rows] == [*["update"] * 40, "deactivate", "reactivate", "update", "update", "create"]
    assert [row[2].get("title") for row in rows[:40]] == [f"Title {number}" for number in range(40)]


def test_a_batch_that_fails_is_split_until_one_change_fails_alone(connection: Connection, database_url: str) -> None:
    staff, pupils = holder_of(connection), holder_of(connection, "Pupils")
    asks = [create(one, f"u{number}") for number in range(12) for one in (staff, pupils)]
    asks[13:13] = [ask(staff, "create", refused(ZeroDivisionError()))]

    with capture_logs() as logs:
        outcomes = together(database_url, *asks)

    assert {one["event"] for one in logs} == {"batch_failed"}
    assert [number for number, one in enumerate(outcomes) if isinstance(one, ZeroDivisionError)] == [13]
    assert all(isinstance(one, Accepted) for number, one in enumerate(outcomes) if number != 13)
    for holder in (staff, pupils):
        assert sorted(users(connection, holder)) == sorted(f"u{number}" for number in range(12))
        assert len(journaled(connection, holder)) == 12


def test_a_batch_that_another_was_faster_than_is_repeated(
    connection: Connection, database_url: str, owner_url: str
) -> None:
    """Another process creates one of its users between its look and its writing."""
    staff = holder_of(connection)
    rival = create(staff, "ada", title="the rival's")

    def late(_: Any) -> dict[str, Any]:
        # Applied twice at least: announced, then carried out. Only then the rival comes.
        seen.append(len(seen))
        if len(seen) == 2:
            with psycopg.connect(database_url, autocommit=True) as other:
                commit._commit(other, [rival], {})
        return {"schemas": [], "userName": "cy", "active": True}

    seen: list[int] = []

    outcomes = together(database_url, create(staff, "bo"), ask(staff, "create", late), create(staff, "ada"))

    assert [one.operation if isinstance(one, Accepted) else type(one) for one in outcomes] == [
        "create",
        "create",
        Taken,
    ]
    assert users(connection, staff)["ada"][1]["title"] == "the rival's"
    assert sorted(row[2]["userName"] for row in journaled(connection, staff)) == ["ada", "bo", "cy"]


def test_a_revoked_token_in_a_batch_stops_only_its_own_changes(connection: Connection, database_url: str) -> None:
    staff = holder_of(connection)
    with database.transaction(connection, [staff.list_id]) as cursor:
        second = token.issue(cursor, staff.list_id, "second", None, "test").token
    with psycopg.connect(database_url, autocommit=True) as other, other.cursor() as cursor:
        holder = token.holder(cursor, second)
        assert holder
        token.revoke(cursor, holder.prefix)

    good, bad = together(database_url, create(staff, "ada"), create(holder, "bo"))

    assert isinstance(good, Accepted)
    assert isinstance(bad, Unauthorised)
    assert set(users(connection, staff)) == {"ada"}
