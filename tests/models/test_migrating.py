"""Migrations beside traffic: nobody waits behind them for long, and a table that somebody holds is waited for."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic import command

from models import database, migrations
from ops.embedded import DATABASE, OWNING, Postgres

VERSIONS = sorted((Path(migrations.__file__).parent / "versions").glob("*.py"))


@pytest.fixture
def old_url(postgres: Postgres) -> Iterator[str]:
    """A database whose next revision makes triggers of `identity`, which has to be locked for that."""
    name = "migrating"
    with psycopg.connect(f"postgresql://postgres@/postgres?host={postgres.sockets}", autocommit=True) as superuser:
        superuser.execute(f"create database {name} owner {OWNING}")
        url = postgres.url(OWNING).replace(f"/{DATABASE}?", f"/{name}?")
        command.upgrade(migrations.config(url), "0013")
        yield url
        superuser.execute(f"drop database {name} with (force)")


@pytest.fixture
def holding(old_url: str) -> Iterator[database.Connection]:
    """Somebody in a transaction that has changed a user."""
    with database.connect(old_url) as holding:
        holding.execute("begin")
        holding.execute("lock table identity in row exclusive mode")
        yield holding


def revision(url: str) -> str | None:
    with database.connect(url) as connection:
        return migrations.current(connection)[0]


def test_a_table_that_somebody_holds_is_tried_again_and_traffic_passes_in_between(
    old_url: str, holding: database.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[str | None] = []

    def pause(_: float) -> None:
        with database.connect(old_url, options="-c lock_timeout=1") as traffic:
            traffic.execute("update identity set active = false")
        passed.append(revision(old_url))
        if len(passed) == 2:
            holding.execute("commit")

    monkeypatch.setattr(migrations, "_pause", pause)
    migrations.upgrade(old_url)

    assert passed == ["0013", "0013"]
    with database.connect(old_url) as connection:
        found, newest = migrations.current(connection)
    assert found == newest


def test_who_holds_a_table_for_ever_is_told_of_in_words(
    old_url: str, holding: database.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "PATIENCE", 0.0)

    with pytest.raises(migrations.Held, match="pg_stat_activity"):
        migrations.upgrade(old_url)

    holding.execute("commit")
    assert revision(old_url) == "0013"


def test_what_one_revision_did_is_kept_when_the_next_one_has_to_wait(
    old_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "PATIENCE", 0.0)
    with database.connect(old_url) as holding:
        holding.execute("begin")
        holding.execute("lock table organisation in row exclusive mode")
        with pytest.raises(migrations.Held):
            migrations.upgrade(old_url)

    assert revision(old_url) not in ("0013", None)


@pytest.mark.parametrize("file", VERSIONS, ids=lambda file: file.stem)
def test_a_revision_first_says_how_long_it_waits_for_a_lock(file: Path) -> None:
    done = file.read_text().partition("def upgrade()")[2]
    first = re.search(r"op\.\w+\((.*)\)", done)

    assert first
    assert re.fullmatch(r'"set local lock_timeout = \'[1-5]s\'"', first[1])
