"""The steps of a run that read a directory, each a request and a transaction: see `run`."""

from collections.abc import Iterable, Sequence

from models.database import Cursor
from models.directory import staging
from models.directory.runs import COMPARE, MANAGERS, MEMBERS
from models.errors import Refused
from ops.graph import EVENTUAL, MOST_IN_BATCH, Answer, Graph
from workers.directory import pages
from workers.directory.documents import PROPERTIES
from workers.directory.running import Run
from workers.directory.streams import Stream

FEW = 10  # members are asked for one by one where the directory has so many times more users
MOST_WARNINGS = 20
MOST_DIGITS = 10  # of a number of users


def fetch(run: Run) -> None:
    """A page."""
    stream = run.unread()
    if stream is None:
        return run.enter(MEMBERS)
    if stream.link is None:
        _begin(run, stream)
    objects, at_end = pages.take(run.graph.get(stream.link or ""), stream, run.graph)
    with run.transaction() as cursor:
        if stream.is_users:
            pages.keep_users(cursor, run.sync, stream, objects, run.unique_identifier, run.managers)
            run.progress.seen += len(objects)
        else:
            _warn(run, pages.keep_groups(cursor, run.sync, stream, objects))
        if at_end:
            _end(run, cursor, stream)
        run.move(cursor)
        run.keep(cursor)
    return None


def _begin(run: Run, stream: Stream) -> None:
    """Read a stream from its beginning, in a round of its own."""
    run.round += 1
    stream.round, stream.full, latest = run.round, True, False
    if stream.is_users:
        run.progress.full, run.progress.seen, run.progress.total = True, 0, _count_users(run.graph)
        with run.transaction() as cursor:
            staging.forget_read(cursor, run.list_id)
            run.keep(cursor)
            if run.sync.scope.groups is not None:
                latest = staging.count_members(cursor, run.list_id) * FEW < run.progress.total
    stream.link = stream.first(latest)


def _count_users(graph: Graph) -> int:
    """How many users the directory has, for the bar; 0 where it does not say."""
    try:
        text = str(graph.get("/users/$count", EVENTUAL)).strip()
    except Refused:
        return 0
    return int(text) if text.isdecimal() and len(text) < MOST_DIGITS else 0


def _end(run: Run, cursor: Cursor, stream: Stream) -> None:
    """A stream was read to its end."""
    run.progress.streams.append(stream.name)
    if not stream.full:
        return
    stream.full = False
    if stream.is_users:
        stream.uncompared = True
    else:
        staging.forget_absent_members(cursor, run.list_id, stream.round, stream.asked)


def _warn(run: Run, warnings: Iterable[str]) -> None:
    kept = run.progress.warnings
    kept += [one for one in dict.fromkeys(warnings) if one not in kept][: MOST_WARNINGS - len(kept)]


def members(run: Run) -> None:
    """Members whom the stream of users does not tell of: new ones, who have not changed themselves."""
    with run.transaction() as cursor:
        due = staging.unread(cursor, run.list_id, MOST_IN_BATCH)
    if not due:
        return run.enter(MANAGERS)
    answers = _asked(run.graph, due, f"/users/{{}}?$select={','.join(PROPERTIES)}")
    with run.transaction() as cursor:
        late = pages.keep_fetched(cursor, run.sync, run.round, answers, run.unique_identifier, run.managers)
        run.progress.seen += len(answers)
        run.keep(cursor)
    if late is not None:
        raise late
    return None


def managers(run: Run) -> None:
    """Whose manager is to be asked for."""
    with run.transaction() as cursor:
        due = staging.managers_due(cursor, run.list_id, MOST_IN_BATCH)
    if not due:
        return run.enter(COMPARE)
    answers = _asked(run.graph, due, "/users/{}/manager?$select=id,displayName")
    with run.transaction() as cursor:
        late = pages.keep_managers(cursor, run.list_id, answers)
        run.keep(cursor)
    if late is not None:
        raise late
    return None


def _asked(graph: Graph, ids: Sequence[str], path: str) -> dict[str, Answer]:
    return dict(zip(ids, graph.batch([path.format(one) for one in ids]), strict=True))
