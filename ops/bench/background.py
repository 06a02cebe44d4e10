"""The background suite: what the sweep and every scrape ask, with many lists and many operations that wait.

Their cost does not follow the requests: it is paid every second, whoever sends what.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import psycopg

from models import burst, connection, database, job, journal, log_retention, trouble, watch
from models.database import Cursor
from ops.bench.grid import text_table
from ops.bench.hosts import Shape, running
from ops.bench.spread import Say

TIMES = 5
PEOPLE = 20  # of each list; that there are indexes to walk, not a roster
LATE_SECONDS = 2.0  # as the sweep has it
# Name, how often it is asked, and what is asked.
QUESTIONS: tuple[tuple[str, str, Callable[[Cursor], object]], ...] = (
    ("late lanes", "1 s", lambda cursor: trouble.note_late_lanes(cursor, LATE_SECONDS)),
    ("lists that are disconnected", "1 s", connection.disconnecting),
    ("idle jobs", "1 s", job.idle),
    ("minutes to fold into bursts", "10 s", burst.due),
    ("logs to purge", "1 h", log_retention.overdue),
    ("backlog", "a scrape of each host", journal.backlog),
    ("tokens, holds, quiet lists", "a scrape of each host", watch.ours),
    ("the server's own figures", "a scrape of each host", watch.postgres),
    ("figures of 50 lists", "a scrape, where they are asked for", lambda cursor: watch.of_lists(cursor, 50)),
)

_LISTS = """
insert into organisation (id, name, plan) select gen_random_uuid(), 'Bench ' || n, 'business'
    from generate_series(1, %(organisations)s) n;
insert into master_list (id, organisation_id, name, fields)
    select 'bench' || n, o.id, 'Bench ' || n, '[]' from generate_series(1, %(lists)s) n
    join (select id, row_number() over () as number from organisation) o on o.number = 1 + n %% %(organisations)s;
insert into connection (list_id, provider, unique_identifier, state, connected_by)
    select id, 'scim', 'userName', 'connected', 'bench' from master_list;
insert into bearer_token (id, list_id, digest, prefix, created_by, expires_at, last_used_at)
    select gen_random_uuid(), id, sha256(id::bytea), id, 'bench', now() + interval '100 days', now() from master_list;
insert into rhythm (list_id, period, expected_at)
    select id, '40 minutes', now() + interval '30 minutes' from master_list;
insert into identity (list_id, id, user_name_key, active, document, created, modified)
    select l.id, gen_random_uuid(), 'user' || n, true, '{}', now(), now()
    from master_list l, generate_series(1, %(people)s) n;
insert into person (list_id, id, uid, uid_key, identity_id)
    select i.list_id, i.id, i.user_name_key, i.user_name_key, i.id from identity i;
insert into log_entry (list_id, at, id, resource, operation, result, identity_id, request_id, applied_at)
    select i.list_id, now(), nextval('journal_seq'), 'user', 'create', 'applied', i.id, 'bench', now() from identity i;
"""
# Documents of some hundred bytes, and every lane of every list in turn.
_WAITING = """
insert into journal (list_id, lane, resource, resource_id, operation, document, request_id, accepted_at)
    select 'bench' || 1 + n / 16 %% %(lists)s, n %% 16, 'user', gen_random_uuid(), 'update',
    jsonb_build_object('userName', n, 'title', repeat('x', 600)), 'bench', now() - interval '1 minute'
    from generate_series(1, %(waiting)s) n
"""


@dataclass(frozen=True)
class Asked:
    """One question: milliseconds with nothing that waits, and with so many operations that do."""

    what: str
    every: str
    quiet_ms: float
    waiting_ms: float


def measure(lists: int, waiting: int, *, say: Say) -> list[Asked]:
    """Every question, with so many lists, before and after so many operations wait. No workers run."""
    with running(Shape(0, 0), say) as one:
        say(f"making {lists:,} lists")
        numbers = {"lists": lists, "organisations": max(1, lists // 5), "people": PEOPLE, "waiting": waiting}
        _write(one.admin_url, _LISTS, numbers)
        quiet = _ask(one.database_url)
        say(f"writing {waiting:,} operations")
        _write(one.admin_url, _WAITING, numbers)
        late = _ask(one.database_url)
    return [Asked(what, every, quiet[what], late[what]) for what, every, _ in QUESTIONS]


def _write(admin_url: str, sql: str, numbers: dict[str, int]) -> None:
    with psycopg.connect(admin_url, autocommit=True) as admin:
        for statement in filter(str.strip, sql.split(";\n")):
            psycopg.ClientCursor(admin).execute(statement.encode(), numbers)
        admin.execute("vacuum analyze")


def _ask(database_url: str) -> dict[str, float]:
    with database.connect(database_url, "muster-bench") as opened:
        return {what: median(_once(opened, ask) for _ in range(TIMES)) for what, _, ask in QUESTIONS}


def _once(opened: database.Connection, ask: Callable[[Cursor], object]) -> float:
    began = time.perf_counter()
    with database.transaction(opened) as cursor:
        ask(cursor)
        taken = time.perf_counter() - began
        raise psycopg.Rollback  # what it noted of the lanes would make the next one cheaper
    return taken * 1000


def table(results: Sequence[Asked]) -> str:
    """For docs/scale.md."""
    heads = ("what", "every", "ms, nothing waits", "ms, operations wait")
    return text_table(heads, [[one.what, one.every, f"{one.quiet_ms:.1f}", f"{one.waiting_ms:.1f}"] for one in results])


def as_json(results: Sequence[Asked]) -> list[dict[str, Any]]:
    """For `--json`."""
    return [asdict(one) for one in results]
