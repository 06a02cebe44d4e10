"""The runs of a Directory Sync: all of them, and one of them in words (D3)."""

from typing import Any
from urllib.parse import urlencode

from litestar import Response, get

from ingress.console import directory_tab, directory_words, pages
from ingress.console.desk import Call, Desk, Id, ListId, at_desk, in_thread
from models.directory import plan, runs
from models.directory.runs import Run
from models.errors import Unknown

FAILURES = 50  # that are shown


@get("/lists/{list_id:str}/sync/runs")
@in_thread
def all_runs(request: Call, list_id: ListId) -> Response[str]:
    """Every run that is kept, newest first."""
    with at_desk(request, list_id) as desk:
        before = pages.moment(request.query_params.get("before"))
        found = runs.listing(desk.cursor, list_id, runs.PAGE + 1, before)
        shown = found[: runs.PAGE]
        older = urlencode({"before": shown[-1].began_at.isoformat()}) if len(found) > runs.PAGE else None
        return pages.page(desk, "runs.html", runs=shown, older=older, before=before, words=directory_words)


@get("/lists/{list_id:str}/sync/runs/{run_id:uuid}")
@in_thread
def one_run(request: Call, list_id: ListId, run_id: Id) -> Response[str]:
    """Everything that a run knows of itself."""
    with at_desk(request, list_id) as desk:
        run = runs.find(desk.cursor, list_id, str(run_id))
        if run is None:
            raise Unknown("this run is forgotten: only the newest ones are kept")
        latest = runs.latest(desk.cursor, list_id)
        is_latest = latest is not None and latest.id == run.id
        return pages.page(
            desk, "run.html", run=run, latest=run, words=directory_words, where="run",
            samples=directory_tab.samples(desk, run) if is_latest else {},
            failures=_failures(desk, run) if is_latest else [],
            search=urlencode({"q": runs.request_id(run.id), "period": "all"}),
        )  # fmt: skip


def _failures(desk: Desk, run: Run) -> list[plan.Failure]:
    """Whose change was refused; who they are is an administrator's to see."""
    if run.is_open or not desk.session.may_change:
        return []
    return plan.failures(desk.cursor, desk.list.id, FAILURES)


ROUTES: list[Any] = [all_runs, one_run]
