"""The audit log: what operators, API keys and the command line did."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from ingress.api import cursors
from ingress.api.cursors import Next, Paged
from ingress.api.desk import Desk
from ingress.api.operation import operation
from ingress.api.samples import LIST_ID, OPERATOR, PERSON_ID, WHEN
from models import audit_page
from models.audit_page import Filters, Key

NOUN = "Audit log"
Moment = Annotated[datetime, Meta(tz=True)]


class AuditQuery(Paged, kw_only=True, forbid_unknown_fields=True):
    """Which entries are wanted."""

    who: Annotated[
        str, Meta(description="A part of an operator's address or of a key's prefix, in any case.", max_length=100)
    ] = ""
    what: Annotated[
        str, Meta(description="An action, `token.issue`, or what it is about, `token`.", max_length=100)
    ] = ""
    list: Annotated[str, Meta(description="A list's id.", max_length=100)] = ""
    since: Annotated[Moment | None, Meta(description="From this moment on.")] = None
    until: Annotated[Moment | None, Meta(description="Before this moment.")] = None


class AuditEntry(Struct, kw_only=True):
    """One act."""

    id: str
    at: datetime
    who: Annotated[str, Meta(description="An operator's address, `API key msk_…`, or who typed on the command line.")]
    what: Annotated[str, Meta(description="What was done: `token.issue`.")]
    list_id: str | None
    list: Annotated[str | None, Meta(description="The list's present name.")]
    detail: str
    address: Annotated[str, Meta(description='From where: the client\'s address, or "command line".')]


class AuditEntries(Struct, kw_only=True):
    """A page of the audit log, newest first."""

    items: list[AuditEntry]
    next_cursor: Next = None


SAMPLE = AuditEntry(
    id=PERSON_ID, at=WHEN, who=OPERATOR, what="token.issue", list_id=LIST_ID, list="Staff", detail="sct_a1B2c3D4",
    address="203.0.113.7",
)  # fmt: skip


@operation("GET", "/audit", NOUN, AuditEntries(items=[SAMPLE], next_cursor="WyJhdWRpdCIsIjEuMiJd"))
def list_audit(at: Desk, query: AuditQuery) -> AuditEntries:
    """Look through the audit log.

    Newest first, all of the organisation's. Entries are only added: nothing changes or removes one.
    """
    older = Key.parse(cursors.read("audit", query.cursor, str))
    filters = Filters(query.who.strip(), query.what.strip(), query.list.strip(), query.since, query.until)
    found = audit_page.page(at.cursor, at.caller.organisation_id, filters, older, None, query.limit)
    members = AuditEntry.__struct_fields__
    items = [AuditEntry(**{name: getattr(one, name) for name in members}) for one in found.entries]
    return AuditEntries(items=items, next_cursor=cursors.write("audit", str(found.older) if found.older else None))


OPERATIONS = [list_audit]
