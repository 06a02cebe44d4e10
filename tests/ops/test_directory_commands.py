"""`muster directory`: connections to Entra ID, their secrets, and the key that these are sealed with."""

import json
import re
from pathlib import Path

import pytest

from models import database, organisation
from models.database import Connection
from ops.vault import Vault, new_key
from tests.ops.conftest import KEY
from tests.ops.directory_commands import Muster

IDS = ("--tenant", "north.example", "--client", "22222222-3333-4444-8555-666666666666")


def sealed(connection: Connection) -> bytes:
    [row] = connection.execute("select client_secret from directory_connection").fetchall()
    return bytes(row[0])


def test_a_key_needs_no_running_system(entra: Muster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MUSTER_DATABASE_URL")

    first, second = entra.run("directory", "key").stdout.strip(), entra.json("directory", "key")["key"]

    assert first != second
    assert Vault([first, second]).has_key


def test_a_connection_is_added_tested_and_removed_without_its_secret_ever_being_shown(
    entra: Muster, connection: Connection
) -> None:
    added = entra.add()
    tested = entra.json("directory", "test", "north")
    [listed] = entra.json("directory", "list")
    shown = entra.run("directory", "list").stdout
    told = entra.run("directory", "test", added).stdout

    assert tested == {"id": added, "name": "North", "users": 12, "groups": 3}
    assert "12 users and 3 groups" in told
    assert (listed["id"], listed["organisation"], listed["cloud"], listed["used_by"]) == (
        added, "Default", "simulated", []
    )  # fmt: skip
    assert entra.directory.client_secret not in json.dumps(listed) + shown + told
    assert Vault([KEY]).open(sealed(connection)) == entra.directory.client_secret
    assert entra.json("directory", "remove", "North") == {"id": added, "name": "North"}
    assert entra.json("directory", "list") == []


def test_the_secret_may_be_in_a_file_and_is_no_argument(entra: Muster, connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from~a~file\n")

    assert entra.run("directory", "add", "North", *IDS, "--secret-file", str(tmp_path / "secret")).exit_code == 0
    assert Vault([KEY]).open(sealed(connection)) == "from~a~file"
    assert entra.run("directory", "add", "South", *IDS, "--secret", "x").exit_code == 2


def test_what_entra_refuses_is_a_sentence_and_exit_code_1(entra: Muster) -> None:
    entra.add()
    entra.directory.sessions.secret_expired = True

    assert "the client secret has expired" in entra.refused("directory", "test", "North", code=1)
    assert "the client secret has expired" in entra.refused("directory", "groups", "North", code=1)


@pytest.mark.parametrize(
    ("arguments", "stdin", "sentence"),
    [
        (("add", "North", *IDS), "", "the client secret is missing"),
        (("add", "North", *IDS[:2], "--client", "my app"), "x~y", "Client ID 'my app' is no GUID"),
        (("add", "North", *IDS, "--org", "Small School"), "x~y", "needs the Pro, Business or Enterprise plan"),
        (("test", "Nowhere"), None, "no directory connection has the id or the name 'Nowhere'"),
        (("change", "Nowhere"), None, "say what changes"),
    ],
)
def test_wrong_use_is_exit_code_2_with_a_sentence(
    entra: Muster, connection: Connection, arguments: tuple[str, ...], stdin: str | None, sentence: str
) -> None:
    with database.transaction(connection) as cursor:
        organisation.ensure(cursor, "Small School", "free")

    assert sentence in entra.refused("directory", *arguments, stdin=stdin)


def test_a_simulated_directory_is_offered_where_there_is_one(entra: Muster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MUSTER_GRAPH_SIMULATOR")

    refused = entra.refused("directory", "add", "North", *IDS, "--cloud", "simulated", stdin="x~y")

    assert "MUSTER_GRAPH_SIMULATOR is not set" in refused


def test_without_a_key_no_secret_is_kept(entra: Muster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MUSTER_SECRET_KEY")

    assert "MUSTER_SECRET_KEY is not set" in entra.refused("directory", "add", "North", *IDS, stdin="x~y")


def test_one_name_in_two_organisations_is_to_be_told_apart_by_id(entra: Muster) -> None:
    ids = [entra.add(), entra.add("North", "--org", "South School")]

    sentence = entra.refused("directory", "test", "North")

    assert all(one in sentence for one in ids)
    assert entra.json("directory", "test", ids[1])["users"] == 12


def test_a_change_leaves_alone_what_is_not_said(entra: Muster, connection: Connection) -> None:
    added = entra.add()
    before = sealed(connection)
    entra.json("directory", "change", "North", "--name", "North School")
    same = sealed(connection)
    entra.json("directory", "change", added, "--secret", stdin="another~secret\n")
    [listed] = entra.json("directory", "list")

    assert same == before
    assert (listed["name"], listed["client_id"]) == ("North School", entra.directory.client_id)
    assert Vault([KEY]).open(sealed(connection)) == "another~secret"


def test_groups_are_found_by_words_with_their_members(entra: Muster) -> None:
    entra.add()
    entra.directory.add_group("Teaching staff", entra.directory.user_ids()[:5])

    [found] = entra.json("directory", "groups", "North", "teach")
    everyone = entra.json("directory", "groups", "North")

    assert (found["name"], found["members"]) == ("Teaching staff", 5)
    assert len(everyone) == 4
    assert re.search(rf"{found['id']} +Teaching staff +5$", entra.run("directory", "groups", "North").stdout, re.M)


def test_secrets_are_renewed_with_the_first_key_all_or_none(
    entra: Muster, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    entra.add()
    entra.add("South")
    new = new_key()
    monkeypatch.setenv("MUSTER_SECRET_KEY", f"{new},{KEY}")
    renewed = entra.json("directory", "renew")
    monkeypatch.setenv("MUSTER_SECRET_KEY", new)

    assert renewed == {"renewed": 2}
    told = connection.execute("select count(*) from audit_entry where action = 'directory.renew'").fetchone()
    assert told == (1,)  # of the organisation
    assert entra.json("directory", "test", "North")["users"] == 12
    connection.execute("update directory_connection set client_secret = %s where name = 'South'", (b"spoilt",))
    monkeypatch.setenv("MUSTER_SECRET_KEY", f"{new_key()},{new}")
    assert "South: the client secret cannot be read" in entra.refused("directory", "renew")
    monkeypatch.setenv("MUSTER_SECRET_KEY", new)
    assert entra.json("directory", "test", "North")["users"] == 12
