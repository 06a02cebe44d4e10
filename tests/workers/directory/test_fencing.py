"""A worker that was away for too long finds its run taken by another one, and writes nothing more."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from models import database
from models import job as jobs
from models.attributes import ENTERPRISE
from models.database import Connection, Cursor
from ops.simulators.graph import Directory
from tests.workers.directory.conftest import Pulled
from tests.workers.directory.test_run import names
from workers.directory import running

TABLES = ("directory_change", "directory_member", "directory_sync", "identity", "journal", "guard", "job")


class Other:
    """Another worker, who takes the run over before a transaction of the first one's."""

    def __init__(self, staff: Pulled, connection: Connection, patch: pytest.MonkeyPatch) -> None:
        self._staff, self._connection, self._run_id, self._left = staff, connection, "", 0
        self.before: list[list[str]] | None = None
        opened = running.Run.transaction

        @contextmanager
        def transaction(run: running.Run) -> Iterator[Cursor]:
            self._left -= 1
            if self._left == 0:
                self._take_over()
            with opened(run) as cursor:
                yield cursor

        patch.setattr(running.Run, "transaction", transaction)

    def come(self, run_id: str, number: int) -> None:
        """Take this run over before its transaction of this number."""
        self._run_id, self._left, self.before = run_id, number, None

    def _take_over(self) -> None:
        with database.transaction(self._connection, [self._staff.list_id]) as cursor:
            cursor.execute("update job set heartbeat_at = now() - interval '31 s' where id = %s", (self._run_id,))
            assert jobs.claim(cursor, self._staff.list_id, self._run_id)
        self.before = self.look()

    def look(self) -> list[list[str]]:
        """All that a run writes."""
        with database.transaction(self._connection, [self._staff.list_id]) as cursor:
            return [self._rows(cursor, table) for table in TABLES]

    def _rows(self, cursor: Cursor, table: str) -> list[str]:
        cursor.execute(f"select t::text from {table} t where list_id = %s order by 1", (self._staff.list_id,))
        return [row[0] for row in cursor.fetchall()]

    def leave(self) -> None:
        """Die, so that the first worker can go on."""
        with database.transaction(self._connection, [self._staff.list_id]) as cursor:
            cursor.execute("update job set heartbeat_at = null where id = %s", (self._run_id,))


def test_no_step_writes_anything_once_another_worker_has_the_run(
    staff: Pulled, directory: Directory, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone = names(directory, *(f"P{number}" for number in range(6)))
    group = directory.add_group("Staff", everyone[:5])
    staff.map(f"{ENTERPRISE}:manager", "Manager")
    staff.connect(group)
    staff.run()
    directory.add_members(group, everyone[5:])
    directory.remove_members(group, everyone[:1])
    for one, name in zip(everyone[1:3], ("p2", "p1"), strict=True):
        directory.change_user(one, userPrincipalName=f"{name}@n.example")
    directory.expire_delta_tokens()
    run_id = staff.begin()

    with database.connect(database_url) as connection:
        other = Other(staff, connection, monkeypatch)
        for number in count(1):
            other.come(run_id, 1 if number % 2 else 2)
            staff.work(run_id, seconds=0)
            if other.before is not None:
                assert other.look() == other.before
                other.leave()
                other.come(run_id, 0)
                staff.work(run_id, seconds=0)
            staff.drain()
            staff.hurry(run_id)
            if not staff.look(run_id).is_open:
                break

    assert staff.look(run_id).state == "done"
    assert staff.active() == {f"p{number}@n.example" for number in range(1, 6)}
