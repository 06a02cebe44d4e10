"""A copy as CSV: a stretch of people at a time, in order of UID."""

from models import csv_writing
from models.database import Cursor
from models.errors import Taken
from models.sessions import people, taking
from models.sessions.taking import Session

STRETCH = 1_000  # people in memory at once


def find(cursor: Cursor, list_id: str, wanted: str) -> Session:
    """A session to be written out, which nobody deletes until the transaction ends.

    Each stretch asks for it anew: a file that ends where somebody began to delete it would look whole.
    """
    found = taking.find(cursor, list_id, wanted, lock=True)
    if found.state == taking.DELETING:
        raise Taken(f"session '{found.name}' is being deleted: it cannot be exported any more")
    return found


def head(session: Session) -> str:
    """The first line, with the labels that the fields had when the session was taken."""
    own = [field.label for field in session.fields if not field.uid]
    return csv_writing.MARK + csv_writing.lines([["UID", "Status", *own]])


def stretch(cursor: Cursor, session: Session, after: str | None) -> tuple[str, str | None]:
    """Some people after a UID's key, and the key to go on after; None at the end."""
    found = people.page(cursor, session, "all", "", after, None, STRETCH)
    keys = [field.key for field in session.fields if not field.uid]
    rows = (
        [one.uid, "Active" if one.active else "Inactive", *(one.fields.get(key) for key in keys)] for one in found.rows
    )
    return csv_writing.lines(rows), found.after
