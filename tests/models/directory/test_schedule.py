"""When a list is synced next."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.directory.schedule import DAY, EVERY, Schedule
from models.errors import Refused

AMSTERDAM = "Europe/Amsterdam"
moments = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as it wants them
lists = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=10, max_size=10)


@given(moments, st.sampled_from(EVERY), lists)
def test_intervals_follow_each_other(moment: datetime, every: int, list_id: str) -> None:
    schedule = Schedule(every)

    first = schedule.next_after(moment, list_id)
    assert first is not None
    second = schedule.next_after(first, list_id)

    assert timedelta() < first - moment <= timedelta(minutes=every)
    assert second == first + timedelta(minutes=every)


@given(moments, st.integers(0, 1439), st.sampled_from(["UTC", AMSTERDAM, "America/St_Johns", "Pacific/Apia"]), lists)
def test_a_daily_one_is_shortly_after_its_time(moment: datetime, minute: int, zone: str, list_id: str) -> None:
    due = Schedule(DAY, minute, zone).next_after(moment, list_id)

    assert due is not None
    assert timedelta() < due - moment <= timedelta(days=2)
    assert due <= moment + timedelta(days=1, hours=1, minutes=15)


def test_a_daily_one_keeps_its_hour_when_clocks_change() -> None:
    schedule = Schedule(DAY, 2 * 60 + 30, AMSTERDAM)
    late = schedule.next_after(datetime(2026, 7, 1, tzinfo=UTC), "a" * 10)
    assert late is not None
    jitter = late - datetime(2026, 7, 1, 0, 30, tzinfo=UTC)

    days = [
        datetime(2026, 10, 24, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 0, tzinfo=UTC),
        datetime(2026, 3, 28, 12, tzinfo=UTC),
    ]
    found = [schedule.next_after(day, "a" * 10) for day in days]

    assert [one - jitter for one in found if one] == [
        datetime(2026, 10, 24, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 26, 1, 30, tzinfo=UTC),  # the 25th's 02:30 was at 00:30, the first of two
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),  # 02:30 does not exist, and is 03:30 then
    ]


def test_lists_are_spread() -> None:
    moment = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)

    due = {Schedule(60).next_after(moment, f"list{number:06d}") for number in range(100)}

    assert len(due) > 80


def test_by_hand_is_never_due() -> None:
    assert Schedule().next_after(datetime(2026, 7, 1, tzinfo=UTC), "a" * 10) is None


@pytest.mark.parametrize(
    ("schedule", "sentence"),
    [
        (Schedule(7), "every 7 minutes"),
        (Schedule(DAY), "needs a time of day"),
        (Schedule(DAY, 1440), "needs a time of day"),
        (Schedule(60, None, "Europe/Nowhere"), "time zone 'Europe/Nowhere' does not exist"),
        (Schedule(60, None, "../../etc/passwd"), "does not exist"),
    ],
)
def test_what_makes_no_sense_is_refused(schedule: Schedule, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        schedule.checked()
