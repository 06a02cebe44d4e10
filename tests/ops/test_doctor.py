"""What doctor says of addresses, servers and disks, and what to do about them."""

import errno
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from models import database, journal, master_list, organisation
from models.database import Connection, connect
from models.journal import Entry
from models.text import new_id
from ops.doctor import Installation, examine
from ops.embedded import DATABASE, OWNING, SERVING, Postgres
from ops.finding import Finding

NOBODY = "postgresql://127.0.0.1:1/x?connect_timeout=1"
NOWHERE = "redis://127.0.0.1:1/0"


def found(**settings: object) -> dict[str, Finding]:
    given = {"database_url": NOBODY, "owner_url": NOBODY, "redis_url": NOWHERE, "public_root": "https://127.0.0.1:1"}
    return {one.check: one for one in examine(Installation(**given | settings))}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("root", "ok"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost:1", True),
        ("https://127.0.0.1:1", True),
        ("http://app.invalid:1", False),
    ],
)
def test_a_console_on_plain_http_is_warned_of_unless_it_is_this_machines(root: str, ok: bool) -> None:
    one = found(console_root=root)["console"]

    assert one.ok is ok
    assert ("passwords and session cookies" in one.detail) is not ok


def test_a_console_behind_a_proxy_needs_to_trust_it() -> None:
    assert not found(console_root="https://127.0.0.1:1")["proxies"].ok
    assert found(console_root="https://127.0.0.1:1", trusted_proxies="10.0.0.0/8")["proxies"].ok
    assert found(console_root="http://127.0.0.1:1")["proxies"].ok


def test_what_does_not_answer_is_said_of_each() -> None:
    told = found(console_root="http://127.0.0.1:1")

    assert {name for name, one in told.items() if not one.ok} == {"public URL", "console URL", "redis", "database"}
    assert "127.0.0.1:1 does not answer" in told["public URL"].detail


def test_what_cannot_be_reached_from_here_is_a_warning_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr("socket.create_connection", refuse)
    told = found(public_root="https://scim.north.example")["public URL"]

    assert (told.ok, told.warning) == (True, True)
    assert "ask from elsewhere" in told.detail


def test_addresses_are_left_alone_where_nobody_wants_them_looked_at() -> None:
    told = found(console_root="https://127.0.0.1:1", reaching=False)

    assert {"public URL", "console URL"} & told.keys() == set()
    assert {"https", "console", "proxies"} <= told.keys()


def test_a_serving_role_that_sees_its_own_sessions_alone_is_warned_of_with_the_cure(
    database_url: str, owner_url: str, postgres: Postgres
) -> None:
    sees = found(database_url=database_url, owner_url=owner_url)["activity"]
    with connect(postgres.url("postgres")) as superuser:
        superuser.execute(f"revoke pg_read_all_stats from {SERVING}")
        told = found(database_url=database_url, owner_url=owner_url)["activity"]
        superuser.execute(f"grant pg_read_all_stats to {SERVING}")

    assert (sees.ok, sees.warning) == (True, False)
    assert (told.ok, told.warning) == (True, True)
    assert f"grant pg_read_all_stats to {SERVING};" in told.detail


def test_a_server_that_loses_commits_is_told(database_url: str, owner_url: str) -> None:
    told = found(database_url=database_url, owner_url=owner_url)

    # These tests' own server forgets a power cut, to be fast.
    assert (told["durable"].ok, "fsync" in told["durable"].detail) == (False, True)
    assert [told[name].ok for name in ("database", "role", "clock", "connections", "schema", "workers")] == [True] * 6


def waits(connection: Connection, seconds: int) -> str:
    """A list called Staff, with an operation that was accepted so long ago."""
    with database.transaction(connection) as cursor:
        list_id = master_list.create(cursor, organisation.ensure(cursor, "North School"), "Staff")
        journal.append(cursor, [Entry(list_id, new_id(), "create", "{}", None, None, "request-1", None)])
        cursor.execute("update journal set accepted_at = accepted_at - make_interval(secs => %s)", (seconds,))
    return list_id


def test_without_a_worker_that_is_connected_doctor_warns_and_fails_once_something_waits(
    connection: Connection, database_url: str, owner_url: str
) -> None:
    idle = found(database_url=database_url, owner_url=owner_url)["workers"]
    waits(connection, 1)
    told = found(database_url=database_url, owner_url=owner_url)["workers"]

    assert (idle.ok, idle.warning, idle.detail) == (True, True, "no worker is connected: start `muster workers`")
    assert not told.ok
    assert re.fullmatch(
        r"no worker is connected, and the oldest of 1 operations waits for \d+ s: start `muster workers`", told.detail
    )


def test_workers_that_live_are_counted(connection: Connection, database_url: str, owner_url: str) -> None:
    with connect(database_url, "muster-sweep"), connect(database_url, "muster-sweep"):
        told = found(database_url=database_url, owner_url=owner_url)["workers"]

    assert (told.ok, told.warning, told.detail) == (True, False, "2 worker processes live, 0 operations pending")


def test_a_list_that_is_blocked_is_told_with_who_blocks_it(
    connection: Connection, database_url: str, owner_url: str
) -> None:
    list_id = waits(connection, 39)
    lane = database.lock_key("lane", list_id, 3)
    with (
        connect(database_url, "muster-sweep"),
        connect(database_url, "muster-drain") as drain,
        connect(owner_url, "nightly-report") as report,
        ThreadPoolExecutor() as pool,
    ):
        report.execute("begin")
        report.execute("select pg_advisory_xact_lock(815)")
        pid = report.info.backend_pid
        drain.execute("select pg_advisory_lock(%s)", (lane,))
        pool.submit(drain.execute, "select pg_advisory_lock(815)")
        told = found(database_url=database_url, owner_url=owner_url)["workers"]
        report.execute("rollback")

    assert not told.ok
    assert re.fullmatch(
        rf"1 worker process lives, and the list Staff waits for \d+ s: blocked by pid {pid}: nightly-report of"
        r" \w+, idle in transaction, open for \d+ s",
        told.detail,
    )


def test_a_list_that_waits_for_nobody_who_is_known_leads_to_the_log(
    connection: Connection, database_url: str, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.backlog.LOOK_FOR", 0)
    waits(connection, 39)
    with connect(database_url, "muster-sweep"):
        told = found(database_url=database_url, owner_url=owner_url)["workers"]

    assert not told.ok
    assert "the list Staff waits for" in told.detail
    assert "`drain_failed`" in told.detail


def test_a_serving_role_that_bypasses_row_level_security_is_told(owner_url: str) -> None:
    with connect(owner_url) as owner:
        (name,) = owner.execute("select current_user").fetchone() or ("",)

    told = found(database_url=owner_url, owner_url=owner_url)

    assert f"'{name}' owns the tables, so that nothing but Muster's own queries keeps" in told["role"].detail
    assert (told["lists"].ok, "does not hold for 25 tables, burst among them" in told["lists"].detail) == (False, True)


def test_a_table_without_its_policy_and_a_role_that_passes_them_are_told(
    database_url: str, owner_url: str, postgres: Postgres
) -> None:
    assert found(database_url=database_url, owner_url=owner_url)["lists"].ok
    with connect(owner_url) as owner:
        owner.execute("alter table person disable row level security")
        told = found(database_url=database_url, owner_url=owner_url)["lists"]
        owner.execute("alter table person enable row level security")
    with connect(postgres.url("postgres")) as superuser:
        superuser.execute(f"grant {OWNING} to {SERVING}")
        member = found(database_url=database_url, owner_url=owner_url)
        superuser.execute(f"revoke {OWNING} from {SERVING}")

    assert (told.ok, "does not hold for person: " in told.detail) == (False, True)
    assert (member["role"].ok, member["lists"].ok) == (True, False)


def test_disks_are_looked_at(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.doctor.LEAST_FREE", 0.0)
    assert found(folders=(str(tmp_path),))["disk"].ok
    monkeypatch.setattr("ops.doctor.LEAST_FREE", 1.0)
    assert "make room" in found(folders=(str(tmp_path),))["disk"].detail
    assert "MUSTER_WATCH_DISKS" in found(folders=("/nowhere/at/all",))["disk"].detail


def test_an_empty_database_is_told_what_it_needs(postgres: Postgres) -> None:
    with connect(postgres.url("postgres")) as superuser:
        superuser.execute(f"create database bare owner {OWNING}")
    url, owner_url = (postgres.url(role).replace(f"/{DATABASE}?", "/bare?") for role in (SERVING, OWNING))

    told = found(database_url=url, owner_url=owner_url)

    assert {"version", "role", "clock"} <= {name for name, one in told.items() if one.ok}
    assert told["database"].ok
    assert told["schema"] == Finding("schema", False, "no schema: run `muster migrate`")


def test_a_server_that_is_too_old_is_told_with_the_cure(
    database_url: str, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.database.LEAST_VERSION", 99)

    told = found(database_url=database_url, owner_url=owner_url)["version"]

    assert not told.ok
    assert "Muster needs PostgreSQL 99 or newer" in told.detail
    assert "pg_upgrade, or `muster backup` here and `muster restore` into a newer one" in told.detail
