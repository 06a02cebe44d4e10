"""Whatever is sent: an answer comes that is no defect of ours, refusals are SCIM errors, what was accepted is there.

Each target runs for MUSTER_FUZZ_SECONDS, 20 where it is not set; by hand `MUSTER_FUZZ_SECONDS=600 ./muster test
tests/fuzz`.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.database import Connection
from tests.fuzz import bodies
from tests.fuzz.server import Answer, Headers, Server, check_stored

SECONDS = float(os.environ.get("MUSTER_FUZZ_SECONDS", "20"))
pytestmark = pytest.mark.timeout(SECONDS * 3 + 120)
# What a round leaves is cleared, so that the next one is as fast.
TABLES = ("identity", "identity_email", "scim_group", "group_member", "journal", "seen_attribute", "log_entry")
SETTINGS = settings(
    max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True
)
T = TypeVar("T")


class World:
    """A server with some users and groups, whose ids stand in for `@user0`, `@group0` and so on."""

    def __init__(self, server: Server, connection: Connection) -> None:
        self.server, self.connection = server, connection
        self.names: dict[str, str] = {}

    def renew(self) -> None:
        """Begin again with the same few."""
        for table in TABLES:
            self.connection.execute(f"delete from {table} where list_id = %s", (self.server.list_id,))
        for name in bodies.USERS:
            made = self.server.send("POST", "/Users", {"userName": f"{name[1:]}@fuzz.example", "title": name})
            self.names[name] = made.body["id"]
        for name in bodies.GROUPS:
            members = [{"value": self.names[bodies.USERS[0]]}]
            made = self.server.send("POST", "/Groups", {"displayName": name, "members": members})
            self.names[name] = made.body["id"]
        page = self.server.ask("GET", "/Users", query=b"cursor&count=1")
        self.names["@cursor"] = page.body["nextCursor"]

    def fill(self, value: Any) -> Any:
        """The value with ids in the place of their names."""
        if isinstance(value, str):
            for name, known in self.names.items():
                value = value.replace(name, known)
            return value
        if isinstance(value, list):
            return [self.fill(one) for one in value]
        if isinstance(value, dict):
            return {self.fill(key): self.fill(inner) for key, inner in value.items()}
        return value

    def write(self, method: str, kind: str, body: Any, name: str = "") -> Answer:
        """A write, and what must hold if it was accepted."""
        path = f"/{kind}/{self.names[name]}" if name else f"/{kind}"
        answer = self.server.send(method, path, self.fill(body))
        if answer.status in (200, 201):
            check_stored(self.server, answer, kind)
        return answer


@pytest.fixture
def world(database_url: str, connection: Connection) -> Iterator[World]:
    server = Server(database_url, connection)
    yield World(server, connection)
    server.close()


def keep_at(world: World, strategy: st.SearchStrategy[T], act: Callable[[T], None]) -> None:
    """Act on examples for as long as a target runs."""
    until = time.monotonic() + SECONDS

    @SETTINGS
    @given(strategy)
    def one_round(value: T) -> None:
        if time.monotonic() < until:
            act(value)

    while time.monotonic() < until:
        world.renew()
        one_round()
    assert world.server.asked > 20


def test_documents(world: World) -> None:
    def act(one: tuple[str, Any, Any, bytes]) -> None:
        method, user, group, raw = one
        name = "" if method == "POST" else "@user1"
        world.write(method, "Users", user, name)
        world.write(method, "Groups", group, "@group1" if name else "")
        world.server.ask("POST", "/Users", raw)
        world.server.ask("PUT", f"/Groups/{world.names['@group0']}", raw)

    keep_at(
        world, st.tuples(st.sampled_from(["POST", "PUT"]), bodies.USER_BODIES, bodies.GROUP_BODIES, bodies.RAW), act
    )


def test_filters(world: World) -> None:
    def act(one: tuple[dict[str, str], str, bytes, Headers]) -> None:
        asked, path, raw, headers = world.fill(one[0]), one[1], one[2], one[3]
        _check_list(world.server.ask("GET", path or "/", query=_encoded(asked), headers=headers))
        _check_list(world.server.send("POST", f"{path}/.search", asked))
        world.server.ask("GET", path or "/", query=raw)

    headers = st.lists(
        st.tuples(st.sampled_from([b"if-none-match", b"if-match", b"accept", b"content-type"]), st.binary(max_size=9)),
        max_size=2,
    )
    paths = st.sampled_from(["/Users", "/Groups", ""])
    keep_at(world, st.tuples(bodies.SEARCHES, paths, st.binary(max_size=40), headers), act)


def _encoded(asked: dict[str, str]) -> bytes:
    return urlencode(asked, quote_via=quote, errors="surrogatepass").encode()


def _check_list(answer: Answer) -> None:
    if answer.status != 200:
        return
    page = answer.body
    ids = [one["id"] for one in page["Resources"]]
    assert isinstance(page["totalResults"], int)
    assert page["itemsPerPage"] == len(ids) == len(set(ids))


def test_paths(world: World) -> None:
    def act(one: tuple[Any, str]) -> None:
        kind = "Users" if "user" in one[1] else "Groups"
        world.write("PATCH", kind, one[0], one[1])

    keep_at(world, st.tuples(bodies.ONE_PATH, st.sampled_from(["@user0", "@user1", "@group0"])), act)


def test_patches(world: World) -> None:
    def act(one: tuple[Any, Any]) -> None:
        world.write("PATCH", "Users", one[0], "@user2")
        world.write("PATCH", "Groups", one[1], "@group1")
        rows = world.connection.execute(
            "select count(*) filter (where i.id is null) from group_member m left join identity i"
            " on i.list_id = m.list_id and i.id = m.identity_id where m.list_id = %s",
            (world.server.list_id,),
        ).fetchone()
        assert rows == (0,)

    keep_at(world, st.tuples(bodies.USER_PATCHES, bodies.GROUP_PATCHES), act)


def test_bulk_requests(world: World) -> None:
    def act(body: Any) -> None:
        sent = world.fill(body)
        answer = world.server.send("POST", "/Bulk", sent)
        if answer.status != 200:
            return
        outcomes = answer.body["Operations"]
        assert len(outcomes) <= len(sent["Operations"])
        assert all(200 <= int(one["status"]) < 500 for one in outcomes), outcomes
        for one in outcomes:
            if one["status"] in ("200", "201"):
                # It may have been deleted by an operation after it.
                assert world.server.read(one["location"]).status in (200, 404)
            if int(one["status"]) >= 400:
                assert one["response"]["status"] == one["status"]
                assert json.dumps(one["response"]["detail"])
        counted = world.connection.execute(
            "select count(*) from scim_group g where g.list_id = %s and g.member_count <>"
            " (select count(*) from group_member m where m.list_id = g.list_id and m.group_id = g.id)",
            (world.server.list_id,),
        ).fetchone()
        assert counted == (0,)
        if len(world.names) and world.connection.execute(
            "select count(*) from identity where list_id = %s and id = %s",
            (world.server.list_id, world.names["@user0"]),
        ).fetchone() != (1,):
            world.renew()

    keep_at(world, bodies.BULK | bodies.CIRCLES, act)


def test_odd_requests(world: World) -> None:
    def act(one: tuple[str, str, bytes, Headers]) -> None:
        method, path, content, headers = one
        world.server.ask(method, world.fill(path), content, headers=headers)
        world.renew()

    methods = st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "get"])
    paths = (
        bodies.TARGETS
        | st.text("/.%aU\x00é[]", max_size=12).map("/".__add__)
        | st.sampled_from(["/Schemas/x", "/.search"])
    )
    kinds = st.tuples(
        st.just(b"content-type"), st.sampled_from([b"application/json; charset=x", b"text/xml", b";", b"\xff"])
    )
    keep_at(world, st.tuples(methods, paths, bodies.RAW, st.lists(kinds, max_size=1)), act)
