"""A list's people as a file."""

from functools import partial
from typing import Annotated, Literal

from msgspec import Meta, Struct

from ingress.api.desk import Desk
from ingress.api.operation import CSV, NDJSON, Download, operation
from ingress.api.people import NOUN, Search, Status
from models import audit, people_export
from models.mapping import Field

MEDIA_TYPES = {"csv": CSV, "ndjson": NDJSON}
SAMPLE = {
    CSV: "UID,Status,First name,House,Modified\r\nEMP001,Active,Mila,North,2026-11-25T08:30:00+00:00\r\n",
    NDJSON: '{"id": "0197a2c4-5be1-7d10-9f3a-0c1d2e3f4a5b", "uid": "EMP001", "active": true, "fields": {"First name":'
    ' "Mila", "House": "North"}, "modified_at": "2026-11-25T08:30:00.000+00:00"}\n',
}


class ExportQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which people are wanted, and how."""

    status: Status = "active"
    q: Search = ""
    format: Annotated[
        Literal["csv", "ndjson"],
        Meta(description="CSV for a spreadsheet, which can be imported again, or a line of JSON for each person."),
    ] = "csv"


@operation("GET", "/lists/{list_id}/people-export", NOUN, SAMPLE)
def export_people(at: Desk, query: ExportQuery) -> Download:
    """Export people.

    As one file, in order of UID, filtered as the list of people is; fields by their labels. In CSV a cell that a
    spreadsheet would carry out begins with an apostrophe. That people were taken away is in the audit log.
    """
    search = query.q.strip()
    told = people_export.summary(query.format, query.status, search)
    audit.record(at.cursor, at.caller, at.list.id, "people.export", told)
    fields = at.list.fields
    return Download(
        f"people-{at.list.id}.{query.format}", MEDIA_TYPES[query.format], people_export.head(fields, query.format),
        partial(_stretch, fields, query, search),
    )  # fmt: skip


def _stretch(
    fields: tuple[Field, ...], query: ExportQuery, search: str, at: Desk, after: str | None
) -> tuple[str, str | None]:
    found = people_export.stretch(at.cursor, at.list.id, fields, query.format, query.status, search, after)
    return found.text, found.after


OPERATIONS = [export_people]
