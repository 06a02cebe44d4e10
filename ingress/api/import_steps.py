"""The steps of an import: previewed, looked at row by row, run, stopped, its refused rows taken back."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from ingress.api import cursors
from ingress.api.cursors import Next, Paged
from ingress.api.desk import Desk
from ingress.api.imports import DETAIL, NOUN, ONE, ImportDetail, ImportMatching, detail, found
from ingress.api.operation import CSV, Download, operation
from models import audit, connection
from models.errors import Taken
from models.imports import matching, rows, runs, store
from models.imports.rows import Shown
from models.imports.store import Import

LAST = 2**31 - 1  # row


class RowsQuery(Paged, kw_only=True, forbid_unknown_fields=True):
    """Which rows are wanted."""

    outcome: Annotated[
        Literal["created", "updated", "unchanged", "refused"] | None, Meta(description="Those that come to this.")
    ] = None


class RunQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which preview is to be run."""

    seen: Annotated[
        datetime | None,
        Meta(description="`changed_at` of the import whose preview was looked at: 409 where it was previewed since."),
    ] = None


class RowChange(Struct, kw_only=True):
    """What a row changes of somebody who is in the list."""

    field: Annotated[str, Meta(description="Its label.")]
    before: Any
    after: Any


class Complaint(Struct, kw_only=True):
    """Why a row is refused."""

    column: Annotated[str, Meta(description="The column's name; empty where it is the whole row.")]
    detail: str


class ImportRow(Struct, kw_only=True):
    """A row of the file, and what becomes, or became, of it."""

    number: Annotated[int, Meta(description="As a spreadsheet counts; the names of the columns are row 1.")]
    outcome: Annotated[str | None, Meta(description="created, updated, unchanged or refused; null before a preview.")]
    cells: Annotated[dict[str, str], Meta(description="As they stand in the file, by the column's name.")]
    changes: list[RowChange]
    kept: Annotated[list[str], Meta(description="Labels of locked fields that are left alone.")]
    complaints: list[Complaint]


class ImportRows(Struct, kw_only=True):
    """A page of rows, in the file's order."""

    items: list[ImportRow]
    next_cursor: Next = None


CELLS = {"Staff ID": "EMP001", "House": "South"}
CHANGE = RowChange(field="House", before="North", after="South")
ROW = ImportRow(number=2, outcome="updated", cells=CELLS, changes=[CHANGE], kept=[], complaints=[])
GIVEN = {"columns": {"Staff ID": "uid"}, "dates": "day"}


@operation("POST", ONE + "/preview", NOUN, DETAIL, GIVEN, status=202, problems=("conflict",))
def preview_import(at: Desk, import_id: str, body: ImportMatching) -> ImportDetail:
    """Match columns, and preview.

    Workers find out what each row would do; nothing of the list is changed. Can be done again with another matching
    until the import is run. Read the import until it is `previewed`.
    """
    one = found(at, import_id)
    identifier = connection.unique_identifier(at.cursor, at.list.id)
    chosen = matching.by_names(one.columns, at.list.fields, body.columns, identifier)
    chosen = msgspec.structs.replace(chosen, dates=body.dates, comma=body.decimal_comma, clear=body.clear_empty)
    job_id = runs.preview(at.cursor, at.list.id, one.id, chosen)
    audit.record(at.cursor, at.caller, at.list.id, "import.preview", one.name)
    return _begun(at, one, job_id)


def _begun(at: Desk, one: Import, job_id: str) -> ImportDetail:
    list_id, bell = at.list.id, at.office.bell
    at.after.append(lambda: bell.people(list_id, job_id))
    return detail(at, found(at, one.id))


@operation("GET", ONE + "/rows", NOUN, ImportRows(items=[ROW]), problems=("conflict",))
def list_import_rows(at: Desk, import_id: str, query: RowsQuery) -> ImportRows:
    """List the rows of an import.

    In the file's order: all, or those of an outcome. 409 while a preview is being made.
    """
    one = found(at, import_id)
    if one.state == store.PREVIEWING:
        raise Taken("the preview is being made: read the import until it is previewed, then its rows")
    after = cursors.read("rows", query.cursor, int) or 0
    shown, more = rows.page(at.cursor, one, query.outcome, max(0, min(after, LAST)), query.limit)
    return ImportRows(items=[_row(one, row) for row in shown], next_cursor=cursors.write("rows", more))


def _row(one: Import, row: Shown) -> ImportRow:
    return ImportRow(
        number=row.number, outcome=row.outcome, cells=dict(zip(one.columns, row.cells, strict=True)),
        changes=[RowChange(field=label, before=before, after=after) for label, before, after in row.changes],
        kept=list(row.kept),
        complaints=[Complaint(column=column, detail=sentence) for column, sentence in row.complaints],
    )  # fmt: skip


@operation("POST", ONE + "/run", NOUN, DETAIL, status=202, problems=("conflict",))
def run_import(at: Desk, import_id: str, query: RunQuery) -> ImportDetail:
    """Run an import, or go on with it.

    Workers merge what was previewed into the list: whose UID is there is updated, the others are created. One that was
    stopped, or failed, goes on where it was.
    """
    one = found(at, import_id)
    job_id = runs.run(at.cursor, at.list.id, one.id, query.seen)
    audit.record(at.cursor, at.caller, at.list.id, "import.run", one.summary)
    return _begun(at, one, job_id)


@operation("POST", ONE + "/stop", NOUN, DETAIL, problems=("conflict",))
def stop_import(at: Desk, import_id: str) -> ImportDetail:
    """Stop an import.

    Ends the preview or the run that is at work. What was merged stays, and the run can be gone on with.
    """
    one = found(at, import_id)
    if not runs.stop(at.cursor, at.list.id, one.id):
        raise Taken("this import is not at work: there is nothing to stop")
    audit.record(at.cursor, at.caller, at.list.id, "import.stop", one.name)
    return detail(at, found(at, one.id))


@operation("GET", ONE + "/refused", NOUN, {CSV: "Staff ID,House,Error\r\nEMP003,West,House: 'West' is no option\r\n"})
def refused_rows(at: Desk, import_id: str) -> Download:
    """Take the refused rows back as a file.

    As they came, each with why in a column more: correct them, and upload that file.
    """
    one = found(at, import_id)
    return Download(
        rows.refused_name(one), CSV, rows.refused_head(one), partial(_refused, one.id)
    )  # fmt: skip


def _refused(import_id: str, at: Desk, after: int | None) -> tuple[str, int | None]:
    return rows.refused(at.cursor, found(at, import_id), after or 0)


OPERATIONS = [preview_import, list_import_rows, run_import, stop_import, refused_rows]
