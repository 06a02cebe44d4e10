"""How moments, counts and names are written."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ingress.console import words
from models import database
from models.database import connect

KARACHI = timezone(timedelta(hours=5))


def test_moments_are_told_in_utc_wherever_they_come_from() -> None:
    moment = datetime(2026, 3, 1, 2, 30, tzinfo=KARACHI)

    assert words.day(moment) == "28 February 2026"
    assert 'title="2026-02-28 21:30:00 UTC"' in words.clock(moment)


def test_a_server_in_another_zone_tells_moments_in_utc(database_url: str) -> None:
    with connect(database_url) as role:
        role.execute("alter role muster_app set timezone = 'Asia/Karachi'")
    try:
        with connect(f"{database_url}&options=-csearch_path%3Dpublic") as connection:
            row = connection.execute("select now(), current_setting('search_path')").fetchone()
    finally:
        with connect(database_url) as role:
            role.execute("alter role muster_app reset timezone")

    assert row
    assert (row[0].utcoffset(), row[1]) == (timedelta(0), "public")


def test_options_of_the_url_and_of_the_caller_are_both_kept() -> None:
    told = database.options("postgresql:///muster?options=-cgeqo%3Doff", "-c x=1")

    assert told == f"-cgeqo=off {database.ALWAYS} -c x=1"


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Ada Lovelace", "AL"), ("ruth.amadi@harbour.example", "RA"), ("Zoë", "Z"), ("()", "?"), ("@x.example", "?")],
)
def test_a_tile_has_one_or_two_letters(name: str, letters: str) -> None:
    assert words.initials(name) == letters


def test_a_moment_that_has_just_passed_is_now() -> None:
    assert words.ago(datetime.now(UTC)) == "just now"
