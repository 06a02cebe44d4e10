"""A list with fields of every kind, and people in it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from models import database, job, master_list, organisation, person
from models.database import Connection, Cursor
from models.fields import schema
from models.fields.schema import Schema
from models.mapping import Field
from workers import refit


@dataclass
class Staff:
    """One list, as a test drives it."""

    connection: Connection
    id: str

    @contextmanager
    def cursor(self) -> Iterator[Cursor]:
        """A transaction of the list."""
        with database.transaction(self.connection, [self.id]) as cursor:
            yield cursor

    def do(self, act: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """One act in a transaction of its own."""
        with self.cursor() as cursor:
            return act(cursor, self.id, *arguments, **more)

    @property
    def schema(self) -> Schema:
        """As it is now."""
        found: Schema = self.do(schema.read)
        return found

    @property
    def labels(self) -> list[str]:
        """The fields in their order."""
        return [field.label for field in self.schema.fields]

    def field(self, key: str) -> Field:
        """One of them."""
        return self.schema.field(key)

    def add(self, uid: str, **fields: Any) -> str:
        """A person."""
        person_id: str = self.do(person.add, uid, fields)
        return person_id

    def values(self, key: str) -> dict[str, Any]:
        """What people have stored in a field."""
        found = self.connection.execute(
            "select uid, fields -> %s from person where list_id = %s order by uid", (key, self.id)
        )
        return dict(found.fetchall())

    def work(self) -> None:
        """Work the open job off."""
        found = self.do(job.latest, job.FIELDS)
        assert found is not None
        refit.refit(self.connection, self.id, found.id, 60)


@pytest.fixture
def staff(connection: Connection) -> Staff:
    """UID, Locker (text), Age (number), Team (dropdown of Red, Blue)."""
    fields = [
        master_list.new_field("Locker", "text"),
        master_list.new_field("Age", "number"),
        master_list.new_field("Team", "dropdown", ["Red", "Blue"]),
    ]
    with database.transaction(connection) as cursor:
        list_id = master_list.create(cursor, organisation.ensure(cursor, "North"), "Staff", fields)
    return Staff(connection, list_id)
