"""A list of people, and sessions of it."""

from typing import Any

import pytest

from models import database, master_list, organisation
from models.database import Connection
from models.sessions import people, taking
from models.sessions.people import Copied
from models.sessions.taking import Filter, Session
from tests.models.fields.conftest import Staff


class School(Staff):
    """The list, and what is done to its sessions."""

    def take(self, name: str = "Spring", **wanted: Any) -> Session:
        """A session."""
        session_id = self.do(taking.take, name, "ruth", Filter(**wanted))
        return self.session(session_id)

    def session(self, wanted: str) -> Session:
        """One of them."""
        found: Session = self.do(taking.find, wanted)
        return found

    def copied(self, session: Session, shown: str = "all", search: str = "") -> dict[str, Copied]:
        """The people of a copy, by UID."""
        with self.cursor() as cursor:
            return {one.uid: one for one in people.page(cursor, session, shown, search, None, None).rows}

    def edit(self, session: Session, who: str, active: bool | None = None, **typed: str) -> list[str]:
        """Change somebody in a copy."""
        one = self.copied(session)[who]
        touched: list[str] = self.do(people.edit, session.id, one.id, one.version, "ruth", typed, active)
        return touched


@pytest.fixture
def school(connection: Connection) -> School:
    """Ada, Bo and Cy (inactive); fields Locker (text), Age (number), Team (dropdown)."""
    fields = [
        master_list.new_field("Locker", "text"),
        master_list.new_field("Age", "number"),
        master_list.new_field("Team", "dropdown", ["Red", "Blue"]),
    ]
    with database.transaction(connection) as cursor:
        list_id = master_list.create(cursor, organisation.ensure(cursor, "North"), "Staff", fields)
    made = School(connection, list_id)
    made.add("ada", locker="12", age=36, team="Red")
    made.add("bo", locker="7", team="Blue")
    made.add("cy", locker="9", team="Red")
    connection.execute("update person set active = false where uid = 'cy'")
    return made
