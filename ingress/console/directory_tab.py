"""The Sync tab of a list that is pulled from its directory: its state, the run at work, and what a preview found."""

from typing import Any

from litestar import Response, get, post

from ingress.console import directory_words, held, log, pages
from ingress.console.desk import Call, Desk, Form, Id, ListId, at_desk, in_thread
from ingress.console.guides import PULL_QUESTIONS
from models import audit
from models.connection import Details
from models.directory import connections, plan, runs, syncs
from models.directory.runs import Run
from models.errors import Unknown
from models.organisation import DIRECTORY_PLANS

LISTED = 5  # runs on the Sync tab


def page(request: Call, desk: Desk, details: Details) -> Response[str]:
    """The whole tab."""
    list_id = desk.list.id
    sync = syncs.of_list(desk.cursor, list_id)
    assert sync is not None
    found = runs.listing(desk.cursor, list_id)
    latest = found[0] if found else None
    previewed = latest if latest and directory_words.is_previewed(latest) else None
    held_now = held.card_context(desk)
    plan_lost = desk.session.plan not in DIRECTORY_PLANS
    return pages.page(
        desk, "sync_directory.html",
        details=details, sync=sync, runs=found[:LISTED], more=len(found) > LISTED, latest=latest,
        last=next((run for run in found if not run.progress.preview), None), plan_lost=plan_lost,
        source=connections.find(desk.cursor, desk.session.organisation_id, sync.connection_id),
        words=directory_words, state=directory_words.state(found, plan_lost, held_now["holds"].count),
        questions=PULL_QUESTIONS,
        previewed=previewed, samples=samples(desk, previewed) if previewed else {}, where="",
        **held_now, **log.context(desk, request), **log.stats_context(desk),
    )  # fmt: skip


def samples(desk: Desk, run: Run) -> dict[str, list[str]]:
    """Some of those whom a preview is about, by what becomes of them; names are an administrator's."""
    named: dict[str, list[str]] = {}
    if run.progress.preview and desk.session.may_change:
        for one in plan.samples(desk.cursor, desk.list.id):
            named.setdefault(one.act, []).append(one.name)
    return named


@post("/lists/{list_id:str}/sync/directory/start")
@in_thread
def start(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Sync now, or find out what that would do."""
    preview = data.get("act") == "preview"
    with at_desk(request, list_id, data) as desk:
        run_id = runs.start(desk.cursor, list_id, desk.session.email, preview)
        audit.record(desk.cursor, desk.session, list_id, "sync.preview" if preview else "sync.start")
        bell = desk.office.bell
    bell.sync(list_id, run_id)
    return pages.go(request, f"/lists/{list_id}/sync")


@post("/lists/{list_id:str}/sync/directory/stop")
@in_thread
def stop(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """End the run at work; what it has done stays."""
    with at_desk(request, list_id, data) as desk:
        if runs.stop(desk.cursor, list_id):
            audit.record(desk.cursor, desk.session, list_id, "sync.stop")
    return pages.go(request, f"/lists/{list_id}/sync")


@get("/lists/{list_id:str}/sync/runs/{run_id:uuid}/progress")
@in_thread
def progress(request: Call, list_id: ListId, run_id: Id) -> Response[str]:
    """How far a run is; asked again by itself while it is at work, and the page anew when it is over."""
    with at_desk(request, list_id) as desk:
        run = runs.find(desk.cursor, list_id, str(run_id))
        where = "run" if request.query_params.get("where") == "run" else ""
        if run is None:
            raise Unknown("this run is forgotten: only the newest ones are kept")
        if not pages.is_fragment(request):
            return pages.go(request, f"/lists/{list_id}/sync" + (f"/runs/{run_id}" if where else ""))
        if not run.is_open:
            return pages.html("", HX_Refresh="true")
        return pages.page(desk, "_run_progress.html", latest=run, words=directory_words, where=where)


ROUTES: list[Any] = [start, stop, progress]
