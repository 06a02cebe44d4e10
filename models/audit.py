"""What operators and API keys did: one row an act, with who did it and from where. Rows are only added."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

from models.database import Cursor
from models.text import new_id

COMMAND_LINE = "command line"


class Actor(Protocol):
    """Whoever acts for an organisation: a signed-in operator, or an API key."""

    @property
    def organisation_id(self) -> str:
        """Whose lists these are."""

    @property
    def who(self) -> str:
        """What the audit log and "created by" call them."""

    @property
    def address(self) -> str:
        """From where: their client's address, or "command line"."""


class Somebody(NamedTuple):
    """An actor of whom no more is known: whoever types on the command line."""

    organisation_id: str
    who: str
    address: str = COMMAND_LINE


def record(cursor: Cursor, actor: Actor, list_id: str | None, action: str, detail: str = "") -> None:
    """Write an act down, in the transaction that does it. `action` is "noun.verb", such as "token.revoke"."""
    cursor.execute(
        "insert into audit_entry (id, organisation_id, list_id, operator, action, detail, address)"
        " values (%s, %s, %s, %s, %s, %s, %s)",
        (new_id(), actor.organisation_id, list_id, actor.who, action, detail, actor.address),
    )


def lately(cursor: Cursor, list_id: str, actions: Sequence[str], within: timedelta) -> tuple[str, str] | None:
    """The newest of these acts about a list, (action, detail), if it is no older than that."""
    cursor.execute(
        "select action, detail from audit_entry where list_id = %s and at > clock_timestamp() - %s and action = any(%s)"
        " order by at desc limit 1",
        (list_id, within, list(actions)),
    )
    row = cursor.fetchone()
    return (row[0], row[1]) if row else None
