"""The auditor of `muster chaos` sees each of the failings that it is there for."""

from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from models.change import Accepted
from ops.chaos.auditor import audited
from ops.chaos.ledger import BREACH, DOUBLED, LOST, OUT_OF_ORDER, Ledger, User
from tests.workers.conftest import Roster


@dataclass
class Told:
    """A list that was filled and changed, its ledger, and a way to spoil it behind everybody's back."""

    roster: Roster
    ledger: Ledger
    owner_url: str

    def findings(self) -> list[str]:
        """The failings that the audit finds."""
        return [finding.failing for finding in audited(self.roster.connection, self.ledger)]

    def spoil(self, sql: str) -> None:
        """Change the database as nobody does."""
        with psycopg.connect(self.owner_url) as owner:
            owner.execute(sql.encode())


@pytest.fixture
def told(staff: Roster, owner_url: str) -> Told:
    """Ada, changed twice; Bo, deleted; Cy, inactive. All of it acknowledged and applied."""
    ledger = Ledger(staff.list_id)

    def act(user: User, verb: str, **attributes: Any) -> None:
        outcome = staff.accept(verb, attributes or None, user.id)
        assert isinstance(outcome, Accepted)
        ledger.acknowledge(request_id(staff), outcome.version if verb != "delete" else 0, 0, 0)
        if user.id is None:
            user.id = outcome.id
            user.ids.append(outcome.id)
        user.title, user.active = attributes.get("title", user.title), attributes.get("active", user.active)

    ada, bo, cy = (User(f"{name}@north.example") for name in ("ada", "bo", "cy"))
    ledger.users += [ada, bo, cy]
    for user in ledger.users:
        act(user, "create", userName=user.user_name, active=True, title="new")
    act(ada, "update", title="one")
    act(ada, "update", title="two")
    act(bo, "delete")
    bo.id = None
    act(cy, "update", active=False)
    staff.drain()
    return Told(staff, ledger, owner_url)


def request_id(staff: Roster) -> str:
    """Of the newest accepted operation."""
    [[found]] = staff.connection.execute("select request_id from journal order by seq desc limit 1").fetchall()
    return str(found)


def test_what_is_as_it_was_told_has_no_findings(told: Told) -> None:
    assert told.findings() == []


ADA = "where user_name_key like 'ada%'"
SPOILT: dict[str, tuple[str, str]] = {
    "an identity that went back": (
        LOST, f"""update identity set document = jsonb_set(document, '{{title}}', '"one"') {ADA}"""
    ),
    "an identity that is gone": (LOST, f"delete from identity {ADA}"),
    "a person left behind": (
        LOST, """update person set fields = fields || '{"job_title": "one"}' where uid like 'ada%'"""
    ),
    "a leaver who is active": (LOST, "update person set active = true where uid like 'cy%'"),
    "somebody deleted who is active": (LOST, "update person set active = true where uid like 'bo%'"),
    "an operation without an entry": (
        LOST, "delete from log_entry where user_name like 'ada%' and operation = 'update'"
    ),
    "an operation with two entries": (
        DOUBLED,
        "insert into log_entry select (jsonb_populate_record(log_entry, '{\"id\": 999999999}')).* from log_entry"
        " where user_name like 'ada%' and operation = 'create'",
    ),
    "a version too many": (OUT_OF_ORDER, f"update identity set version = version + 1 {ADA}"),
    "entries in another order": (OUT_OF_ORDER, "update log_entry set id = 1000000000 - id where user_name like 'ada%'"),
    "somebody of another list": (
        BREACH,
        """update identity set document = jsonb_set(document, '{userName}', '"eve@south.example"'),"""
        f" id = gen_random_uuid() {ADA}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("spoilt", SPOILT)
def test_whatever_is_spoilt_is_found(told: Told, spoilt: str) -> None:
    failing, sql = SPOILT[spoilt]

    told.spoil(sql)

    assert failing in told.findings()


def test_what_waits_still_is_found(told: Told) -> None:
    told.roster.create("dee@north.example")

    assert LOST in told.findings()
