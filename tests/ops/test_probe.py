"""What is read at scrape: from a real PostgreSQL, a real Valkey and a real disk."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from models import connection as connections
from models import database, journal, master_list, organisation
from models.database import Connection
from models.journal import Entry
from models.text import new_id
from ops.metrics import READ_AT_SCRAPE
from ops.probe import Probe
from ops.settings import Settings
from tests.valkey import running_valkey

HANGS_AFTER = 20  # seconds until a test gives up


@pytest.fixture
def made() -> Iterator[Callable[..., Probe]]:
    """Probes with these settings."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(closing(Probe(Settings(**settings))))


def samples(probe: Probe) -> dict[str, float]:
    return {
        f"{sample.name}{sorted(sample.labels.items()) or ''}": sample.value
        for family in probe.collect()
        for sample in family.samples
        if sample.name != "muster_build_info"
    }


def test_everything_that_is_declared_is_told(
    made: Callable[..., Probe], connection: Connection, database_url: str, tmp_path: Path
) -> None:
    with database.transaction(connection) as cursor:
        list_id = master_list.create(cursor, organisation.ensure(cursor, "North", "business"), "Staff")
        database.allow(cursor, [list_id])
        connections.connect(cursor, list_id, "userName", "test")
        journal.append(cursor, [Entry(list_id, new_id(), "create", "{}", None, None, new_id(), None)])
    with running_valkey(tmp_path) as valkey:
        probe = made(
            database_url=database_url, redis_url=valkey.url(), list_metrics=10, watch_disks=f"{tmp_path}, /nowhere"
        )
        families = {family.name: family for family in probe.collect()}
        told = samples(probe)

    assert {name.removesuffix("_total") for name in READ_AT_SCRAPE} == {name[7:] for name in families}
    assert all(families[f"muster_{name.removesuffix('_total')}"].documentation for name in READ_AT_SCRAPE)
    assert told["muster_database_up"] == told["muster_redis_up"] == told["muster_journal_pending"] == 1
    assert told[f"muster_list_pending[('list', '{list_id}')]"] == 1
    assert told["muster_connections"] == 1
    assert told["muster_postgres_table_bytes[('table', 'log_entry')]"] > 0
    assert told[f"muster_disk_free_bytes[('folder', '{tmp_path}')]"] > 0


def test_what_is_away_is_told_to_be_away(made: Callable[..., Probe]) -> None:
    nobody = made(database_url="postgresql://127.0.0.1:1/x?connect_timeout=1", redis_url="redis://127.0.0.1:1/0")

    assert samples(nobody) == {"muster_database_up": 0, "muster_redis_up": 0}


def test_a_server_that_takes_connections_and_does_not_answer_is_away(made: Callable[..., Probe]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        probe = made(database_url=f"postgresql://127.0.0.1:{port}/x", redis_url=f"redis://127.0.0.1:{port}/0")

        assert samples(probe) == {"muster_database_up": 0, "muster_redis_up": 0}


def test_a_server_that_freezes_is_hung_up_on_and_asked_anew(
    made: Callable[..., Probe], connection: Connection, database_url: str
) -> None:
    probe = made(database_url=database_url, redis_url="redis://127.0.0.1:1/0")
    assert probe.database_answers()
    backend = connection.execute("select pid from pg_stat_activity where application_name = 'muster-probe'").fetchone()
    assert backend
    with ThreadPoolExecutor(1) as beside:
        os.kill(backend[0], signal.SIGSTOP)
        try:
            assert beside.submit(samples, probe).result(HANGS_AFTER)["muster_database_up"] == 0
            assert beside.submit(samples, probe).result(HANGS_AFTER)["muster_database_up"] == 1
        finally:
            os.kill(backend[0], signal.SIGCONT)


def test_lists_are_not_told_apart_unless_somebody_asks_for_it(
    made: Callable[..., Probe], connection: Connection, database_url: str
) -> None:
    quiet = made(database_url=database_url, redis_url="redis://127.0.0.1:1/0")

    assert not [name for name in samples(quiet) if "list_" in name]
