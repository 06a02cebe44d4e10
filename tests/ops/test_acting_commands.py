"""Commands that do by hand what the console and the API do: people, held deactivations, mappings, entries."""

import pytest

from models import database
from models.database import Connection
from tests.ingress.console.test_people import add
from tests.models.test_log_page import write
from tests.ops.test_cli import Muster, muster  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("muster")


@pytest.fixture
def staff(connection: Connection) -> str:
    """A list that is connected to SCIM."""
    found: str = Muster().json("list", "create", "Staff")["list_id"]
    return found


def acts(connection: Connection) -> list[str]:
    """What the audit log has since the list was made and connected."""
    return [row[0] for row in connection.execute("select action from audit_entry order by at").fetchall()][2:]


def test_a_person_is_added_edited_and_made_inactive_and_active(staff: str, connection: Connection) -> None:
    run = Muster().json
    run("person", "add", "Staff", "EMP1", "--set", "Job Title=Head", "--set", "department=Science")

    assert run("person", "show", "Staff", "emp1")["fields"] == {"job_title": "Head", "department": "Science"}
    assert run("person", "edit", "Staff", "EMP1", "--set", "job_title=")["fields"] == {"department": "Science"}
    assert run("person", "deactivate", "Staff", "EMP1")["active"] is False
    assert run("person", "reactivate", "Staff", "EMP1")["active"] is True
    assert acts(connection) == ["person.add", "person.edit", "person.deactivate", "person.reactivate"]
    assert "locked" not in Muster().run("person", "show", "Staff", "EMP1").stdout


def test_held_deactivations_are_listed_released_and_discarded(staff: str, connection: Connection) -> None:
    for seq, uid in enumerate(("E1", "E2", "E3"), 1):
        person_id = add(connection, staff, uid, synced=True)
        connection.execute("update person set held_seq = %s, held_at = now() where id = %s", (seq, person_id))

    assert [one["uid"] for one in Muster().json("held", "list", "Staff")] == ["E1", "E2", "E3"]
    assert Muster().json("held", "release", "Staff", "E2") == {"count": 1}
    assert Muster().json("held", "discard", "Staff", "--all") == {"count": 2}
    assert Muster().json("held", "list", "Staff") == []
    assert Muster().json("person", "show", "Staff", "E2")["active"] is False
    assert acts(connection) == ["hold.release", "hold.discard"]


def test_the_guard_and_the_log_s_keeping_are_shown_and_set(staff: str, connection: Connection) -> None:
    assert Muster().json("guard", "Staff") == {"enabled": False, "percent": 20, "at_least": 50}
    assert Muster().json("guard", "Staff", "--on", "--percent", "10")["percent"] == 10
    assert Muster().json("guard", "Staff") == {"enabled": True, "percent": 10, "at_least": 50}
    assert Muster().json("entry", "keep", "Staff", "180") == {"days": 180}
    assert Muster().json("entry", "keep", "Staff") == {"days": 180}
    assert acts(connection) == ["guard.save", "log.retention"]


def test_mappings_are_shown_tried_and_saved(staff: str, connection: Connection) -> None:
    chosen = ("--map", "title=Role", "--off", "displayName", "--transform", "title=trim")
    tried = Muster().json("mapping", "preview", "Staff", *chosen)
    saved = Muster().json("mapping", "save", "Staff", *chosen)
    shown = {one["path"]: one for one in Muster().json("mapping", "show", "Staff")["mappings"]}

    assert tried["changes"] == saved["changed"] == ["Display name off", "Title to Role (trim)"]
    assert (shown["title"]["field"], shown["title"]["transform"], shown["displayName"]["on"]) == ("role", "trim", False)
    assert Muster().json("mapping", "save", "Staff", *chosen)["changed"] == []
    assert acts(connection) == ["mapping.save"]


def test_an_entry_is_shown_and_one_that_waits_for_nothing_is_not_retried(staff: str, connection: Connection) -> None:
    with database.transaction(connection, [staff]) as cursor:
        write(cursor, staff, id=7, user_name="ada")

    assert Muster().json("entry", "show", "Staff", "7")["user_name"] == "ada"
    told = Muster().run("entry", "retry", "Staff", "7")
    assert (told.exit_code, "waits for nothing" in told.stderr) == (2, True)


def test_a_list_and_an_organisation_are_shown(staff: str) -> None:
    found = Muster().json("list", "show", "Staff")

    assert (found["id"], found["people"]["total"], found["connection"]["state"]) == (staff, 0, "connected")
    assert Muster().json("organisation", "show", "Default")["plan"] == "business"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("person", "show", "Staff", "E9"), "nobody in this list has the UID 'E9'"),
        (("person", "add", "Staff", "E9", "--set", "nothing=1"), "no field with the key 'nothing'"),
        (("person", "edit", "Staff", "E9"), "say what changes"),
        (("held", "release", "Staff"), "name people by their UIDs, or say --all"),
        (("guard", "Staff", "--percent", "0"), "is no share of the people"),
        (("entry", "keep", "Staff", "7"), "the log is kept for"),
        (("entry", "show", "Staff", "9"), "is not in the log"),
        (("mapping", "save", "Staff", "--map", "nothing=Role"), "no attribute has"),
        (("organisation", "show", "Nowhere"), "no organisation is called"),
        (("people", "import", "Staff", __file__, "--encoding", "klingon"), "the encoding 'klingon' is not known"),
    ],
)
def test_what_cannot_be_done_is_said_with_exit_code_2(staff: str, command: tuple[str, ...], says: str) -> None:
    told = Muster().run(*command)

    assert (told.exit_code, told.stdout) == (2, "")
    assert says in told.stderr
