"""Directory connections and Directory Sync by way of the API, beside a simulated Microsoft Graph."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from models.database import Connection
from ops.graphs import Graphs
from ops.simulators.graph import Directory, GraphServer
from ops.vault import Vault
from tests.ingress.api.conftest import Caller


@pytest.fixture
def microsoft(application: TestClient[Litestar], monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphServer]:
    """A simulated Microsoft Graph with an empty directory."""
    office = application.app.state.api.office
    with GraphServer(Directory()) as server:
        settings = msgspec.structs.replace(office.settings, graph_simulator=server.url)
        monkeypatch.setattr(office, "settings", settings)
        monkeypatch.setattr(office, "vault", Vault(settings.secret_keys()))
        monkeypatch.setattr(office, "graphs", Graphs(settings))
        yield server


@pytest.fixture
def given(microsoft: GraphServer) -> dict[str, Any]:
    """Credentials of it."""
    one = microsoft.directory
    return {
        "name": "North", "tenant_id": one.tenant_id, "client_id": one.client_id, "client_secret": one.client_secret,
        "cloud": "simulated",
    }  # fmt: skip


def test_a_connection_is_added_tested_changed_and_removed(caller: Caller, given: dict[str, Any]) -> None:
    made = caller.post("/directory-connections", given, 201)
    path = f"/directory-connections/{made['id']}"

    assert "client_secret" not in made
    assert caller.post(f"{path}/test") == {"users": 0, "groups": 0}
    assert caller.post(f"{path}/group-search", {})["items"] == []
    assert caller.patch(path, {"name": "South"})["name"] == "South"
    assert caller.post(f"{path}/test") == {"users": 0, "groups": 0}
    caller.patch(path, {"client_secret": "wrong"})
    assert "secret" in caller.post(f"{path}/test", None, 422)["detail"].lower()
    caller.delete(path)
    caller.get(path, 404)
    assert caller.get("/directory-connections")["items"] == []


def test_a_list_is_pulled_and_its_runs_are_watched_and_stopped(
    caller: Caller, given: dict[str, Any], connection: Connection
) -> None:
    list_id = caller.post("/lists", {"name": "Teachers"}, 201)["id"]
    chosen = caller.post("/directory-connections", given, 201)["id"]
    path = f"/lists/{list_id}"
    caller.get(f"{path}/directory-sync", 404)
    wanted = {"connection_id": chosen, "groups": None, "guests": False, "schedule": {"every_minutes": 60}}

    assert "unique identifier" in caller.put(f"{path}/directory-sync", wanted, 422)["detail"]
    sync = caller.put(f"{path}/directory-sync", wanted | {"unique_identifier": "userName"})
    assert (sync["groups"], sync["schedule"]["every_minutes"], sync["next_at"] is not None) == (None, 60, True)
    daily = {"every_minutes": 1440, "at_minute": 150, "time_zone": "Europe/Amsterdam"}
    assert caller.put(f"{path}/directory-sync", wanted | {"schedule": daily})["schedule"] == daily
    assert caller.get(f"{path}/connection")["provider"] == "directory"

    run = caller.post(f"{path}/runs", {"preview": True}, 201)
    assert (run["state"], run["progress"]["preview"]) == ("waiting", True)
    assert "at work already" in caller.post(f"{path}/runs", {}, 409)["detail"]
    caller.delete(f"/directory-connections/{chosen}", 409)
    assert caller.post(f"{path}/runs/{run['id']}/stop")["state"] == "ended"
    caller.post(f"{path}/runs/{run['id']}/stop", None, 409)
    caller.post(f"{path}/runs", {}, 201)
    pages = caller.get(f"{path}/runs?limit=1")
    assert caller.get(f"{path}/runs?cursor={pages['next_cursor']}")["items"][0]["id"] == run["id"]
    assert caller.get(f"{path}/runs/{run['id']}")["ended_at"] is not None


def test_what_is_no_schedule_is_refused(caller: Caller, given: dict[str, Any]) -> None:
    list_id = caller.post("/lists", {"name": "Teachers"}, 201)["id"]
    chosen = caller.post("/directory-connections", given, 201)["id"]
    wanted: dict[str, Any] = {"connection_id": chosen, "unique_identifier": "userName"}

    for schedule in ({"every_minutes": 7}, {"every_minutes": 1440}, {"every_minutes": 60, "time_zone": "Mars/Base"}):
        caller.put(f"/lists/{list_id}/directory-sync", wanted | {"schedule": schedule}, 422)
    caller.put(f"/lists/{list_id}/directory-sync", wanted | {"groups": []}, 422)
    caller.put(f"/lists/{list_id}/directory-sync", wanted | {"groups": [{"id": "x", "name": "x"}]}, 422)
    caller.put(f"/lists/{list_id}/directory-sync", wanted | {"connection_id": "x"}, 404)
