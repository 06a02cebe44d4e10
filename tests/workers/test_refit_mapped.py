"""A field that a mapping fills, changed: people have what their identity provider sent, as the field takes it now."""

import pytest

from models import database, job
from models.database import Connection
from models.fields import options, retype
from models.fields.rewriting import Following
from tests.workers.conftest import Roster
from tests.workers.test_refit import stored
from workers import refit, remap


def work(staff: Roster, following: Following, first: str = "values") -> None:
    """Both jobs, one after the other."""
    for act in ("values", "remap") if first == "values" else ("remap", "values"):
        if act == "remap":
            assert following.remap is not None
            remap.remap(staff.connection, staff.list_id, following.remap, {}, list, 60)
        elif following.values is not None:
            refit.refit(staff.connection, staff.list_id, following.values, 60)


def retyped(staff: Roster, key: str, kind: str, *choices: str) -> Following:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        following: Following = retype.save(cursor, staff.list_id, key, kind, choices, may_clear=None)[1]
    return following


@pytest.mark.parametrize("first", ["values", "remap"])
def test_what_was_sent_is_mapped_anew_and_what_does_not_fit_stays_as_it_was_converted(
    staff: Roster, first: str
) -> None:
    for name, title in (("ada", "007"), ("bo", "Nurse"), ("cy", "8")):
        staff.create(name, title=title)
    staff.drain()

    work(staff, retyped(staff, "job_title", "number"), first)
    assert stored(staff, "job_title") == [7, None, 8]

    # Not "7", which is what was stored; and nobody has to wait for the next push.
    work(staff, retyped(staff, "job_title", "text"), first)
    assert stored(staff, "job_title") == ["007", "Nurse", "8"]


def test_an_option_that_was_missing_reaches_those_who_were_sent_with_it(staff: Roster) -> None:
    for name, title in (("ada", "Nurse"), ("bo", "Cook")):
        staff.create(name, title=title)
    staff.drain()
    work(staff, retyped(staff, "job_title", "dropdown", "Nurse"))
    assert stored(staff, "job_title") == ["Nurse", None]

    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        following = options.add(cursor, staff.list_id, "job_title", ["Chef"])
    work(staff, following)
    assert stored(staff, "job_title") == ["Nurse", None]
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        following = options.rename(cursor, staff.list_id, "job_title", "Chef", "Cook")
    work(staff, following)

    assert stored(staff, "job_title") == ["Nurse", "Cook"]


def test_nobody_is_mapped_again_for_a_field_that_no_mapping_fills(staff: Roster, connection: Connection) -> None:
    staff.create("ada", title="7")
    staff.drain()
    connection.execute("update field_mapping set enabled = false where field = 'job_title'")

    assert retyped(staff, "job_title", "number").remap is None

    with database.transaction(connection, [staff.list_id]) as cursor:
        assert job.latest(cursor, staff.list_id, job.REMAP) is None
