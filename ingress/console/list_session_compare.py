"""A whole session beside its list as it is now (S1)."""

from urllib.parse import urlencode

from litestar import Response, get

from ingress.console import pages
from ingress.console.desk import Call, Id, ListId, at_desk, in_thread
from ingress.console.people import by_label, names_of
from models.sessions import comparison, taking


@get("/lists/{list_id:str}/sessions/{session_id:uuid}/compare")
@in_thread
def compare(request: Call, list_id: ListId, session_id: Id) -> Response[str]:
    """Counted; and a page of those who differ, or who are on one side alone."""
    with at_desk(request, list_id) as desk:
        one, given = taking.find(desk.cursor, list_id, str(session_id)), request.query_params
        kind = given.get("kind", comparison.DIFFER)
        kind = kind if kind in comparison.KINDS else comparison.DIFFER
        found = comparison.page(desk.cursor, one, kind, given.get("after"))
        shown, url = found[: comparison.PAGE], f"/lists/{list_id}/sessions/{one.id}/compare"
        more = urlencode({"kind": kind, "after": shown[-1].uid_key}) if len(found) > comparison.PAGE else None
        fields = desk.list.fields if kind == comparison.LIST else one.fields
        return pages.page(
            desk, "list_session_compare.html", one=one, kind=kind, found=shown, more=more, url=url,
            counts=comparison.counts(desk.cursor, one), begun="after" in given,
            names=lambda who: names_of(by_label(fields), who.uid, who.fields).name,
        )  # fmt: skip


ROUTES = [compare]
