"""A list's people as a file: which of them, and in which format."""

from litestar import Response, get
from litestar.response import Stream

from ingress.console import pages, stretches
from ingress.console.desk import Call, ListId, at_desk, in_thread
from models import audit, people_export, person_page
from models.mapping import Field


@get("/lists/{list_id:str}/people/export")
@in_thread
def export(request: Call, list_id: ListId) -> Response[str]:
    """What is to be exported: as the table is filtered, until another choice."""
    with at_desk(request, list_id) as desk:
        status, search = _chosen(request)
        counts = person_page.counts(desk.cursor, list_id)
        return pages.dialog(request, desk, "people_export.html", shown=status, q=search, counts=counts)


def _chosen(request: Call) -> tuple[str, str]:
    given = request.query_params
    status = given.get("status", "active")
    return status if status in person_page.STATUS else "active", given.get("q", "").strip()


@get("/lists/{list_id:str}/people/export/file")
async def export_file(request: Call, list_id: ListId) -> Stream:
    """The file."""
    given = request.query_params.get("format", "csv")
    kind = given if given in people_export.FORMATS else "csv"
    name, fields = await _begin(request, list_id, kind)
    return await stretches.file(
        name, stretches.MEDIA_TYPES[kind], people_export.head(fields, kind),
        lambda after: _stretch(request, list_id, fields, kind, after),
    )  # fmt: skip


@in_thread
def _begin(request: Call, list_id: str, kind: str) -> tuple[str, tuple[Field, ...]]:
    """The file's name and the list's fields; that people were taken away is written down."""
    with at_desk(request, list_id) as desk:
        told = people_export.summary(kind, *_chosen(request))
        audit.record(desk.cursor, desk.session, list_id, "people.export", told)
        return f"people-{list_id}.{kind}", desk.list.fields


@in_thread
def _stretch(
    request: Call, list_id: str, fields: tuple[Field, ...], kind: str, after: str | None
) -> tuple[str, str | None]:
    with at_desk(request, list_id) as desk:
        found = people_export.stretch(desk.cursor, list_id, fields, kind, *_chosen(request), after)
        return found.text, found.after


ROUTES = [export, export_file]
