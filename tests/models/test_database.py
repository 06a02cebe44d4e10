"""Connections, as whoever serves makes them."""

from models import database


def test_a_patient_connection_connects_without_a_warning_of_the_retrying_library(database_url: str) -> None:
    with database.connect_patiently(database_url, "test") as connection:
        assert connection.execute("select 1").fetchone() == (1,)
