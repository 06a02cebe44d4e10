"""Retry from the log (product rule L4): what waits, or was set aside, is applied again once its cause is mended."""

from models import journal
from models.database import Cursor
from models.errors import Refused, Taken, Unknown
from models.hold import HELD
from models.journal import Entry, Lane
from models.provisioning_log import REJECTED, WAITING

DELETED = "The user was deleted before this could be applied"


def can_be_retried(cursor: Cursor, list_id: str, entry_id: int) -> bool:
    """Whether `retry` would take an entry: it waits for something of its own, or was set aside and is kept."""
    cursor.execute(
        "select result, detail, exists (select from set_aside s where s.list_id = e.list_id and s.seq = e.id)"
        " from log_entry e where list_id = %s and id = %s",
        (list_id, entry_id),
    )
    row = cursor.fetchone()
    if row is None:
        return False
    result, detail, kept = row
    return kept or (result == WAITING and not (detail or "").startswith(HELD))


def retry(cursor: Cursor, list_id: str, entry_id: int) -> list[Lane]:
    """Apply what an entry is about once more; returns the lanes to ring after COMMIT.

    Always what the IdP says now, never what it said then: newer operations may have been applied.
    """
    cursor.execute("select resource, resource_id from set_aside where list_id = %s and seq = %s", (list_id, entry_id))
    aside = cursor.fetchone()
    if aside is not None:
        # The identity first, as ingress does: whoever locks it next sees this row in the journal.
        document = _document(cursor, list_id, str(aside[1])) if aside[0] == "user" else None
        return _put_back(cursor, list_id, entry_id, document)
    identity_id = _waiting(cursor, list_id, entry_id)
    document = _document(cursor, list_id, identity_id)
    if document is None:
        raise Taken("the identity provider has deleted this user meanwhile: there is nothing to apply any more")
    return journal.append(cursor, [Entry(list_id, identity_id, "reapply", document, None, None, "reapply", None)])


def _document(cursor: Cursor, list_id: str, identity_id: str) -> str | None:
    """A user as the IdP last described them, locked; None where it has deleted them."""
    cursor.execute(
        "select (jsonb_build_object('active', active) || document)::text from identity"
        " where list_id = %s and id = %s for no key update",
        (list_id, identity_id),
    )
    row = cursor.fetchone()
    return row[0] if row else None


def _put_back(cursor: Cursor, list_id: str, seq: int, document: str | None) -> list[Lane]:
    """Return a row to its place in the journal. Its entry makes room for the one that the drain will write (I4)."""
    cursor.execute(
        "with back as (delete from set_aside where list_id = %s and seq = %s returning *)"
        f" insert into journal ({journal.COLUMNS}) select list_id, lane, seq, resource, resource_id, operation,"
        " coalesce(%s::jsonb, document), body, token_prefix, request_id, idp, accepted_at from back"
        " returning lane, resource, operation, accepted_at",
        (list_id, seq, document),
    )
    row = cursor.fetchone()
    if row is None:
        raise Taken("somebody else is retrying this at the moment: look at it again")
    lane, resource, operation, accepted_at = row
    if resource == "user" and document is None and operation != "delete":
        return _give_up(cursor, list_id, lane, seq)
    cursor.execute(
        "delete from log_entry where list_id = %s and at = %s and id = %s and result = 'rejected'",
        (list_id, accepted_at, seq),
    )
    return [Lane(list_id, lane)]


def _give_up(cursor: Cursor, list_id: str, lane: int, seq: int) -> list[Lane]:
    """The user is gone, and a person must not come back of an old description: nothing is left to apply."""
    cursor.execute("delete from journal where list_id = %s and lane = %s and seq = %s", (list_id, lane, seq))
    cursor.execute(
        "update log_entry set result = 'no_change', detail = %s where list_id = %s and id = %s",
        (DELETED, list_id, seq),
    )
    return []


def _waiting(cursor: Cursor, list_id: str, entry_id: int) -> str:
    """Whose wait an entry tells of; refused where it tells of none."""
    cursor.execute(
        "select result, detail, waits, identity_id, applied_at from log_entry where list_id = %s and id = %s",
        (list_id, entry_id),
    )
    row = cursor.fetchone()
    if row is None:
        raise Unknown("this entry is not in the log (any more)")
    result, detail, waits, identity_id, applied_at = row
    if waits:
        return str(identity_id)
    if result == WAITING and (detail or "").startswith(HELD):
        raise Refused("this deactivation is held: release or discard it on the list's Sync tab")
    if result == REJECTED and applied_at is not None:
        raise Taken("this was set aside, and is not kept any more: the identity provider has to send it again")
    if result == REJECTED:
        raise Refused(
            "this request was refused, and nothing of it was kept: the identity provider has to send it again"
        )
    raise Taken("this entry waits for nothing any more: look at it again")
