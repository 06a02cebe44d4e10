"""Connections, as whoever serves makes them."""

import pytest

from models import database
from ops.embedded import OWNING, Postgres


def test_a_patient_connection_connects_without_a_warning_of_the_retrying_library(database_url: str) -> None:
    with database.connect_patiently(database_url, "test") as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_no_connection_compiles_its_statements_whatever_the_server_does_by_default(postgres: Postgres) -> None:
    with database.connect(postgres.url(OWNING)) as owner:
        default = owner.execute("select boot_val, setting from pg_settings where name = 'jit'").fetchone()

    assert default == ("on", "off")


def test_a_server_that_has_vanished_is_noticed_by_every_connection_unless_its_url_says_how(database_url: str) -> None:
    with database.connect(database_url) as connection, database.connect(f"{database_url}&keepalives_idle=77") as other:
        ours, theirs = connection.info.get_parameters(), other.info.get_parameters()

    assert {name: int(ours[name]) for name in database.ALIVE} == database.ALIVE
    assert theirs["keepalives_idle"] == "77"


def test_a_bounded_connection_does_not_wait_for_a_silent_server_for_ever(database_url: str) -> None:
    with database.connect(database_url, kind=database.Bounded) as connection:
        assert connection.execute("select repeat('x', 5000000)").fetchone() == ("x" * 5_000_000,)
        connection.silence = 0.05  # type: ignore[attr-defined]
        with pytest.raises(database.Silent):
            connection.execute("select pg_sleep(3600)")

        assert connection.closed
