"""What the three doors are tried on: an organisation with a list that is connected to SCIM and others that are not."""

from io import BytesIO
from typing import Any
from uuid import uuid4

from models import api_key, database, job, mapping_editor, master_list, organisation
from models import connection as connections
from models.database import Connection
from models.imports import matching, runs, store
from ops.simulators.graph import Directory
from tests.ingress.console.test_people import add
from tests.models.test_log_page import write
from workers import importing

ORGANISATION = "North"
NAMES = ("Staff", "Clubs", "Pulled", "Bare")
CSV = b"UID,Locker\nnew1,7\n"
FIELDS = [master_list.new_field("Locker", "text"), master_list.new_field("Team", "dropdown", ["Red", "Blue"])]


class World:
    """An organisation, its lists by name, and what acts need to find there."""

    def __init__(self, connection: Connection, directory: Directory) -> None:
        self.connection, self.directory = connection, directory
        with database.transaction(connection) as cursor:
            self.organisation_id = organisation.ensure(cursor, ORGANISATION, "business")
            owner = self.organisation_id
            self.lists = {name: master_list.create(cursor, owner, name, FIELDS) for name in NAMES}
            self.spare_key = api_key.create(cursor, owner, "spare", api_key.READ, None, "test").prefix
        with database.transaction(connection, [self.staff]) as cursor:
            connections.connect(cursor, self.staff, "userName", "test")

    @property
    def staff(self) -> str:
        """The list that an identity provider fills."""
        return self.lists["Staff"]

    @property
    def clubs(self) -> str:
        """The list that nobody fills."""
        return self.lists["Clubs"]

    def one(self, statement: str, *parameters: Any) -> str:
        """A value that there is, as text."""
        row = self.connection.execute(statement, parameters).fetchone()
        assert row, statement
        return str(row[0])

    def person(self, uid: str) -> str:
        """A person's id."""
        return self.one("select id from person where uid = %s", uid)

    def newest(self, table: str) -> str:
        """The id of what was made last."""
        return self.one(f"select id from {table} order by id desc limit 1")

    def hold(self, uid: str, seq: int) -> str:
        """Somebody of Staff whose deactivation is held."""
        person_id = add(self.connection, self.staff, uid, synced=True)
        self.connection.execute("update person set held_seq = %s, held_at = now() where id = %s", (seq, person_id))
        return person_id

    def waiting_entry(self) -> int:
        """An entry of Staff's log that can be retried."""
        identity_id = str(uuid4())
        self.connection.execute(
            "insert into identity (list_id, id, user_name_key, active, document, created, modified)"
            ' values (%s, %s, %s, true, \'{"userName": "ada"}\', now(), now())',
            (self.staff, identity_id, identity_id),
        )
        with database.transaction(self.connection, [self.staff]) as cursor:
            write(cursor, self.staff, id=7, result="waiting", waits=True, identity_id=identity_id)
        return 7

    def title(self) -> int:
        """The number of the attribute `title`."""
        with database.transaction(self.connection, [self.staff]) as cursor:
            current = master_list.of_organisation(cursor, self.organisation_id, self.staff)
            return next(one.number for one in mapping_editor.opened(cursor, current).stored if one.path == "title")

    def version(self) -> str:
        """Of the fields of Clubs."""
        return self.one("select schema_version from master_list where id = %s", self.clubs)

    def settle(self) -> None:
        """Values follow at once, and imports are looked through."""
        for list_id in self.lists.values():
            with database.transaction(self.connection, [list_id]) as cursor:
                open_ones = [one.id for one in job.listing(cursor, list_id, job.IMPORT, 5) if one.is_open]
            for job_id in open_ones:
                importing.work(self.connection, list_id, job_id)
        self.connection.execute(
            "update job set state = 'done', finished_at = now() where finished_at is null and kind = %s", (job.FIELDS,)
        )

    def previewed_import(self) -> str:
        """A file of Clubs that was looked through."""
        with database.transaction(self.connection, [self.clubs]) as cursor:
            one = store.stage(cursor, self.clubs, "more.csv", "test", BytesIO(CSV))
            runs.preview(
                cursor, self.clubs, one.id, matching.guess(one.columns, master_list.fields(cursor, self.clubs))
            )
        self.settle()
        return one.id

    def running_import(self) -> str:
        """A file of Clubs that is being merged."""
        one = self.previewed_import()
        with database.transaction(self.connection, [self.clubs]) as cursor:
            runs.run(cursor, self.clubs, one)
        return one

    def free_directory(self) -> str:
        """The newest directory, which no list is pulled from any more, as once a disconnect is over."""
        self.connection.execute("delete from directory_sync")
        return self.newest("directory_connection")
