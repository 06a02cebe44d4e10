"""Directory connections in the console: added, tested, corrected, removed; and a secret that is never shown again."""

import threading
from html import unescape

import pytest

from ingress import asking
from models import database, organisation
from models.database import Connection
from ops.graphs import Graphs
from ops.simulators.graph import GraphServer
from ops.vault import Vault
from tests.ingress.console.conftest import Browser, make_tenant
from tests.ingress.console.pulling import HX, School

HOME = "/settings/directories"


def stored(connection: Connection) -> list[tuple[str, bytes]]:
    return connection.execute("select name, client_secret from directory_connection order by name").fetchall()


def test_the_page_says_what_a_connection_is_for(school: School) -> None:
    page = school.page(HOME)

    assert "No directory connections yet" in page
    assert 'href="/settings/directories/new"' in page
    form = school.page(f"{HOME}/new")
    assert "User.Read.All" in form
    assert "GroupMember.Read.All" in form
    assert "Simulated directory" in form


def test_a_wrong_secret_is_kept_told_and_corrected(school: School) -> None:
    school.directory.add_user(givenName="Mila")
    school.directory.add_group("Teachers")

    first = school.send(f"{HOME}/new", {**school.credentials(secret="wrong~secret"), "act": "test"})

    [(name, sealed)] = stored(school.connection)
    assert (first.status_code, name) == (422, "North")
    assert "Saved, but the test failed." in first.text
    assert "the client secret is wrong" in first.text.lower()
    assert "wrong~secret" not in first.text
    [row] = school.connection.execute("select id::text from directory_connection").fetchall()
    assert f'action="{HOME}/{row[0]}"' in first.text

    second = school.send(f"{HOME}/{row[0]}", {**school.credentials(), "act": "test"})

    assert second.status_code == 200
    assert "It can see 1 user and 1 group." in second.text
    assert stored(school.connection)[0][1] != sealed
    assert school.acts() == [("directory.add", "North"), ("directory.change", "North, new secret")]


def test_a_secret_is_shown_nowhere(school: School) -> None:
    connection_id = school.add()
    secret = school.directory.client_secret

    pages = [HOME, f"{HOME}/{connection_id}", f"{HOME}/{connection_id}/remove", f"{school.sync}/directory"]
    tested = school.send(f"{HOME}/{connection_id}/test", {}).text

    assert all(secret not in page for page in [tested, *map(school.page, pages)])
    for (table,) in school.connection.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
        " and has_table_privilege(oid, 'select')"
    ).fetchall():
        assert not school.connection.execute(
            f"select from {table} t where t::text like %s", (f"%{secret}%",)
        ).fetchall()


def test_an_empty_secret_keeps_the_present_one(school: School) -> None:
    connection_id = school.add()
    before = stored(school.connection)

    answer = school.send(f"{HOME}/{connection_id}", school.credentials(name="North 2", secret=""))

    assert answer.headers["location"] == HOME
    assert stored(school.connection) == [("North 2", before[0][1])]
    assert school.acts()[-1] == ("directory.change", "North 2")


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"name": " "}, "needs a name"),
        ({"tenant_id": "north"}, "neither a GUID nor a domain"),
        ({"client_id": "north"}, "is no GUID"),
        ({"secret": ""}, "the client secret is missing"),
        ({"secret": "22222222-3333-4444-8555-666666666666"}, "this is the secret id"),
        ({"cloud": "moon"}, "choose one of the clouds"),
    ],
)
def test_what_cannot_be_is_refused_and_what_was_typed_stays(
    school: School, other: dict[str, str], sentence: str
) -> None:
    answer = school.send(f"{HOME}/new", school.credentials(**other))

    assert answer.status_code == 422
    assert sentence in unescape(answer.text).lower() or sentence in unescape(answer.text)
    assert other.get("client_id", school.directory.client_id) in answer.text
    assert school.directory.client_secret not in answer.text
    assert stored(school.connection) == []


def test_a_name_is_given_once(school: School) -> None:
    school.add()

    answer = school.send(f"{HOME}/new", school.credentials())

    assert (answer.status_code, "choose another name" in answer.text) == (422, True)


def test_the_test_says_what_is_missing(school: School) -> None:
    connection_id = school.add()
    school.directory.permissions.clear()

    answer = school.send(f"{HOME}/{connection_id}/test", {})

    assert answer.status_code == 422
    assert "lacks a permission" in answer.text
    school.directory.permissions |= {"User.Read.All", "GroupMember.Read.All"}
    assert "North answers." in school.send(f"{HOME}/{connection_id}/test", {}).text


def test_a_third_question_at_once_is_told_to_come_back(school: School) -> None:
    connection_id = school.add()
    release = threading.Event()
    school.graph.faults.add("count", times=2, hold=release)
    askers = [
        threading.Thread(target=school.send, args=(f"{HOME}/{connection_id}/test", {})) for _ in range(asking.AT_ONCE)
    ]
    for one in askers:
        one.start()
    school.graph.wait_for(lambda asked: sum("count" in one.target for one in asked) == asking.AT_ONCE)

    # While they wait, no transaction is open for them, and a third one is not let in.
    open_ones = "select from pg_stat_activity where application_name = 'muster-console' and state like 'idle in%'"
    assert school.connection.execute(open_ones).fetchall() == []
    answer = school.send(f"{HOME}/{connection_id}/test", {})

    assert (answer.status_code, asking.BUSY in answer.text) == (503, True)
    release.set()
    for one in askers:
        one.join()


def test_a_connection_in_use_is_not_removed(school: School) -> None:
    school.connect()
    [row] = school.connection.execute("select id::text from directory_connection").fetchall()
    url = f"{HOME}/{row[0]}/remove"

    assert "is synced through this connection" in school.page(url)
    refused = school.send(url, {})

    assert (refused.status_code, "Staff" in refused.text) == (409, True)
    assert len(stored(school.connection)) == 1
    assert "Staff</dd>" in school.page(HOME)


def test_a_connection_that_nobody_uses_is_removed(school: School) -> None:
    connection_id = school.add()

    assert "Remove North?" in school.browser.get(f"{HOME}/{connection_id}/remove", **HX).text
    assert school.send(f"{HOME}/{connection_id}/remove", {}).headers["location"] == HOME
    assert stored(school.connection) == []
    assert school.acts()[-1] == ("directory.remove", "North")
    assert school.browser.get(f"{HOME}/{connection_id}").status_code == 404


def test_another_organisations_connection_is_unknown(school: School, connection: Connection) -> None:
    connection_id = school.add()
    stranger = Browser(school.browser.client, make_tenant(connection, "Rival"))
    stranger.client.cookies.clear()
    stranger.sign_in()

    assert "North" not in stranger.get(HOME).text
    for path in ("", "/remove"):
        assert stranger.get(f"{HOME}/{connection_id}{path}").status_code == 404
    for path in ("", "/test", "/remove"):
        assert stranger.post(f"{HOME}/{connection_id}{path}", **school.credentials()).status_code == 404


def test_viewers_look_and_change_nothing(school: School, connection: Connection) -> None:
    connection_id = school.add()
    connection.execute("update operator set role = 'viewer'")

    page = school.page(HOME)

    assert "North" in page
    assert not any(one in page for one in ("Test Connection", "Add connection", "/remove", 'type="submit">Edit'))
    for path in ("/new", f"/{connection_id}", f"/{connection_id}/remove"):
        assert school.browser.get(f"{HOME}{path}").status_code == 403
        assert school.send(f"{HOME}{path}", school.credentials()).status_code == 403
    assert school.send(f"{HOME}/{connection_id}/test", {}).status_code == 403


def test_a_plan_that_is_too_low_adds_none(school: School, connection: Connection) -> None:
    with database.transaction(connection) as cursor:
        organisation.ensure(cursor, "School", "free")

    assert "needs the Pro, Business or Enterprise plan" in school.page(HOME)
    assert school.browser.get(f"{HOME}/new").status_code == 403
    answer = school.send(f"{HOME}/new", school.credentials())
    assert (answer.status_code, "needs the Pro" in answer.text) == (403, True)


def test_without_a_key_there_is_a_note_instead_of_the_form(
    school: School, microsoft: GraphServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = school.browser.client.app.state.office
    monkeypatch.setattr(office, "vault", Vault(()))
    monkeypatch.setattr(office, "graphs", Graphs(office.settings))

    assert "muster directory key" in school.page(HOME)
    page = school.page(f"{HOME}/new")
    assert "muster directory key" in page
    assert 'name="secret"' not in page
    assert school.send(f"{HOME}/new", school.credentials()).status_code == 503


def test_from_a_list_the_way_leads_back_to_it(school: School) -> None:
    page = school.page(f"{HOME}/new?list={school.list_id}")
    assert f'name="list" value="{school.list_id}"' in page

    answer = school.send(f"{HOME}/new", school.credentials(list=school.list_id))

    assert answer.headers["location"].startswith(f"{school.sync}/directory?connection=")
    assert school.send(f"{HOME}/new", school.credentials(list="aaaaaaaaaa")).status_code == 404
