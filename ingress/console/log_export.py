"""The log as a file: CSV for a spreadsheet, NDJSON for a program; a row for each changed field (L3)."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from litestar import get
from litestar.response import Stream

from ingress.console import log_words, stretches
from ingress.console.desk import Call, ListId, at_desk, in_thread
from ingress.console.log_filters import filters_of, name_of
from models import audit, csv_writing, log_entry, log_page
from models.log_entry import Key
from models.text import masked

STRETCH = 1_000  # entries in memory at once
COLUMNS = (
    "time", "operation", "resource", "result", "person", "uid", "user_name", "field", "before", "after", "detail",
    "request_id", "scim_id", "token_prefix", "idp", "applied_at", "repeats",
)  # fmt: skip
Row = dict[str, Any]
Format = Callable[[Iterable[Row]], str]


def csv_lines(rows: Iterable[Row]) -> str:
    """Rows as CSV, of which no spreadsheet carries anything out: what an IdP sends is anybody's text."""
    return csv_writing.lines([log_words.value(row[name]) for name in COLUMNS] for row in rows)


def json_lines(rows: Iterable[Row]) -> str:
    """Rows as NDJSON."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@get("/lists/{list_id:str}/sync/log.csv")
async def as_csv(request: Call, list_id: ListId) -> Stream:
    """The filtered log as CSV."""
    head = csv_writing.MARK + csv_writing.lines([COLUMNS])
    return await _file(request, list_id, csv_lines, "csv", stretches.CSV, head)


@get("/lists/{list_id:str}/sync/log.ndjson")
async def as_ndjson(request: Call, list_id: ListId) -> Stream:
    """The filtered log as NDJSON."""
    return await _file(request, list_id, json_lines, "ndjson", stretches.NDJSON, "")


async def _file(request: Call, list_id: str, written: Format, ending: str, media_type: str, head: str) -> Stream:
    return await stretches.file(
        f"log-{list_id}.{ending}", media_type, head, lambda older: _stretch(request, list_id, written, older)
    )


@in_thread
def _stretch(request: Call, list_id: str, written: Format, older: Key | None) -> tuple[str, Key | None]:
    """Some entries and where to go on."""
    with at_desk(request, list_id) as desk:
        found = log_page.page(desk.cursor, list_id, filters_of(request), older, None, STRETCH)
        if older is None:
            audit.record(desk.cursor, desk.session, list_id, "log.export", masked(request.url.query)[:500])
        name = name_of(desk.list.fields)
        sees = desk.session.may_change
        entries = found.entries if sees else [log_words.seen_by_viewer(one) for one in found.entries]
        rows = (log_words.row(entry, change, name(entry), sees) for entry, change in log_entry.rows(entries))
        return written(rows), found.older


ROUTES = [as_csv, as_ndjson]
