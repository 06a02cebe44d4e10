"""What doctor says of Directory Sync: keys that are missing, lost or old, and a sign-in that does not answer."""

import pytest

from models import database, organisation
from models.database import Connection
from models.directory import connections
from models.directory.connections import Wanted
from ops.doctor_directories import examine
from ops.finding import Finding
from ops.simulators.graph import Directory, GraphServer
from ops.vault import Vault, new_key
from tests.ops.directory_commands import Muster

OLD, NEW = new_key(), new_key()
NOWHERE = "http://127.0.0.1:1"


def add(connection: Connection, key: str, name: str = "North", cloud: str = "simulated") -> None:
    directory = Directory()
    wanted = Wanted(name, directory.tenant_id, directory.client_id, cloud)
    with database.transaction(connection) as cursor:
        owner = organisation.ensure(cursor, "North School", "pro")
        connections.add(cursor, owner, "pro", wanted, Vault([key]).seal("a~secret"), "test")


def found(connection: Connection, *keys: str, simulator: str | None = NOWHERE, reaching: bool = False) -> list[Finding]:
    return list(examine(connection, keys, simulator, reaching))


def test_without_a_key_doctor_warns_and_fails_once_secrets_are_closed_by_it(connection: Connection) -> None:
    [unset] = found(connection)
    add(connection, OLD)
    [closed] = found(connection)

    assert (unset.ok, unset.warning, closed.ok) == (True, True, False)
    assert "`muster directory key`" in unset.detail
    assert "MUSTER_SECRET_KEY is not set, and none opens the secrets of North" in closed.detail


def test_secrets_that_no_key_opens_are_named_and_old_ones_are_a_hint(connection: Connection) -> None:
    add(connection, OLD)
    [fine], [old], [lost] = found(connection, OLD), found(connection, NEW, OLD), found(connection, NEW)

    assert (fine.ok, fine.warning, fine.detail) == (True, False, "opens the secrets of all directory connections (1)")
    assert (old.ok, old.warning) == (True, True)
    assert "North are sealed with an older key: `muster directory renew`" in old.detail
    assert not lost.ok
    assert "no key of MUSTER_SECRET_KEY opens the secrets of North" in lost.detail


def test_the_sign_in_of_each_cloud_in_use_is_looked_at(connection: Connection) -> None:
    nobody = found(connection, OLD, reaching=True)
    add(connection, OLD)
    _, away = found(connection, OLD, reaching=True)
    _, unknown = found(connection, OLD, simulator=None, reaching=True)
    with GraphServer(Directory()) as server:
        _, answers = found(connection, OLD, simulator=server.url, reaching=True)

    assert [one.check for one in nobody] == ["secret key"]
    assert (away.ok, unknown.ok, answers.ok) == (False, False, True)
    assert "127.0.0.1:1 does not answer" in away.detail
    assert "MUSTER_GRAPH_SIMULATOR" in unknown.detail
    assert answers.detail == f"{server.url} answers"


def test_microsofts_own_sign_in_is_where_its_cloud_is(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def look(root: str, *_: object) -> str:
        asked.append(root)
        return "answers"

    monkeypatch.setattr("ops.reach.look", look)
    add(connection, OLD, cloud="global")
    add(connection, OLD, "South", cloud="china")

    assert all(one.ok for one in found(connection, OLD, reaching=True))
    assert asked == ["https://login.partner.microsoftonline.cn", "https://login.microsoftonline.com"]


def test_doctor_is_told_the_key(entra: Muster) -> None:
    entra.add()

    checks = entra.json("doctor", code=1)["checks"]  # for these tests' own server, which forgets a power cut

    [key], [sign_in] = ([one for one in checks if one["check"] == name] for name in ("secret key", "sign-in"))
    assert key["ok"]
    assert not key["warning"]
    assert sign_in["ok"]
