"""What operators did: one row for every act that changes something, with who did it."""

from models.database import Cursor
from models.operator_session import Session
from models.text import new_id


def record(cursor: Cursor, session: Session, list_id: str | None, action: str, detail: str = "") -> None:
    """Write an act down, in the transaction that does it. `action` is "noun.verb", such as "token.revoke"."""
    cursor.execute(
        "insert into audit_entry (id, organisation_id, list_id, operator, action, detail)"
        " values (%s, %s, %s, %s, %s, %s)",
        (new_id(), session.organisation_id, list_id, session.email, action, detail),
    )
