"""A whole session beside its list as it is now (S1)."""

import time
from urllib.parse import urlencode

from litestar import Response, get

from ingress.console import pages
from ingress.console.desk import Call, Desk, Id, ListId, at_desk, in_thread
from ingress.console.people import by_label, names_of
from models.sessions import comparison, taking
from models.sessions.comparison import Counts
from models.sessions.taking import Session

LARGE, COUNTED_EVERY = 20_000, 30.0

_counted: dict[str, tuple[float, Counts]] = {}  # of large sessions, by id, and until when


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
            counts=_counts(desk, one), begun="after" in given,
            names=lambda who: names_of(by_label(fields), who.uid, who.fields).name,
        )  # fmt: skip


def _counts(desk: Desk, one: Session) -> Counts:
    """How many there are of each kind: a large session's, which take seconds for 1,000,000 people, are counted at most
    every `COUNTED_EVERY` seconds a process, so that looking at the next page does not wait for them again."""
    for session_id, (until, _) in list(_counted.items()):
        if until < time.monotonic():
            _counted.pop(session_id, None)
    known = _counted.get(one.id)
    if known is not None:
        return known[1]
    found = comparison.counts(desk.cursor, one)
    if one.taken >= LARGE:
        _counted[one.id] = time.monotonic() + COUNTED_EVERY, found
    return found


ROUTES = [compare]
