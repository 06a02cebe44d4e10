"""Connections, as whoever serves makes them."""

from models import database
from ops.embedded import OWNING, Postgres


def test_a_patient_connection_connects_without_a_warning_of_the_retrying_library(database_url: str) -> None:
    with database.connect_patiently(database_url, "test") as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_no_connection_compiles_its_statements_whatever_the_server_does_by_default(postgres: Postgres) -> None:
    with database.connect(postgres.url(OWNING)) as owner:
        default = owner.execute("select boot_val, setting from pg_settings where name = 'jit'").fetchone()

    assert default == ("on", "off")
