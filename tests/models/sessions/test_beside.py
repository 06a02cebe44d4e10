"""What goes on beside a session: it is of one moment, and two operators do not overwrite each other."""

import threading
from contextlib import suppress
from typing import Any

import pytest
from psycopg.errors import LockNotAvailable

from models import database, master_list
from models.database import Cursor
from models.errors import Taken
from models.fields import schema
from models.sessions import people, taking
from tests.models.sessions.conftest import School


def test_a_snapshot_is_of_one_moment_whoever_writes_meanwhile(school: School, database_url: str) -> None:
    """Two people who are always changed together are alike in every session."""
    over, written = threading.Event(), threading.Event()

    def write() -> None:
        with database.connect(database_url) as own:
            number = 0
            while not over.is_set():
                number += 1
                with database.transaction(own, [school.id]) as cursor:
                    for uid in ("ada", "bo"):
                        cursor.execute(
                            "update person set fields = fields || jsonb_build_object('locker', %s::text)"
                            " where uid = %s",
                            (str(number), uid),
                        )
                written.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert written.wait(10)
    try:
        taken = [school.take(f"Session {number}") for number in range(20)]
    finally:
        over.set()
        thread.join()

    pairs = [{school.copied(one)[uid].fields["locker"] for uid in ("ada", "bo")} for one in taken]
    assert [len(pair) for pair in pairs] == [1] * 20


def test_one_of_two_who_edit_the_same_person_at_once_is_refused(school: School, database_url: str) -> None:
    taken = school.take()
    ada = school.copied(taken)["ada"]
    barrier, done = threading.Barrier(2), list[str]()

    def edit(locker: str) -> None:
        with database.connect(database_url) as own:
            barrier.wait()
            with suppress(Taken), database.transaction(own, [school.id]) as cursor:
                people.edit(cursor, school.id, taken.id, ada.id, ada.version, locker, {"locker": locker})
                done.append(locker)

    threads = [threading.Thread(target=edit, args=(locker,)) for locker in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [school.copied(taken)["ada"].fields["locker"]] == done


def test_a_session_is_not_closed_over_an_edit_that_has_begun(school: School, database_url: str) -> None:
    taken = school.take()
    with database.connect(database_url, options="-c lock_timeout=50") as own, school.cursor() as cursor:
        taking.opened(cursor, school.id, taken.id)
        with pytest.raises(LockNotAvailable), database.transaction(own, [school.id]) as other:
            taking.change_state(other, school.id, taken.id, "closed", "bob")


def test_a_session_over_which_the_fields_were_changed_is_refused(
    school: School, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = taking._copy

    def changed_first(cursor: Cursor, *arguments: Any) -> None:
        with database.connect(database_url) as own, database.transaction(own, [school.id]) as other:
            schema.add(other, school.id, master_list.new_field("Shoe", "number"))
        copy(cursor, *arguments)

    monkeypatch.setattr(taking, "_copy", changed_first)

    with pytest.raises(Taken, match="take the session again"):
        school.take()
    assert school.do(taking.listing) == []
