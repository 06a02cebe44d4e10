"""Whoever follows the simulated Graph's rounds while its tenant changes ends with what the tenant has."""

import random
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from ops.simulators.graph import Directory, GraphServer
from ops.simulators.graph.days import Days
from tests.ops.graph_client import Client

USERS = "/users/delta?$select=displayName,jobTitle,manager"
GROUPS = "/groups/delta?$select=displayName,members"


class Copy:
    """What a client knows of a tenant: properties, managers, members."""

    def __init__(self) -> None:
        self.users: dict[str, Any] = {}
        self.managers: dict[str, str] = {}
        self.members: dict[str, set[str]] = {}

    def take(self, page: Any) -> None:
        """Merge what a page says, in its order."""
        users = page["@odata.context"].endswith("#users")
        for one in page["value"]:
            self._user(one) if users else self._group(one)

    def _user(self, one: dict[str, Any]) -> None:
        if "@removed" in one:
            self.users.pop(one["id"], None)
            self.managers.pop(one["id"], None)
            return
        self.users[one["id"]] = (one["displayName"], one["jobTitle"])
        for manager in one.get("manager@delta", []):
            if "@removed" not in manager:
                self.managers[one["id"]] = manager["id"]
            elif self.managers.get(one["id"]) == manager["id"]:
                del self.managers[one["id"]]

    def _group(self, one: dict[str, Any]) -> None:
        if "@removed" in one:
            self.members.pop(one["id"], None)
            return
        members = self.members.setdefault(one["id"], set())
        for member in one.get("members@delta", []):
            (members.discard if "@removed" in member else members.add)(member["id"])


def truth(directory: Directory) -> tuple[Any, Any, Any]:
    """What the tenant has."""
    present = {directory.users.id(number): number for number in directory.users.present()}
    shown = {one: directory.users.shown(number, ["displayName", "jobTitle"]) for one, number in present.items()}
    managers = {one: directory.users.manager(number) for one, number in present.items()}
    return (
        {one: (user["displayName"], user["jobTitle"]) for one, user in shown.items()},
        {one: manager for one, manager in managers.items() if manager},
        {group: set(directory.members(group)) for group in directory.group_ids()},
    )


def disturb(directory: Directory, days: Days, chance: random.Random) -> None:
    """A few changes, those that no day brings among them."""
    for _ in range(chance.randrange(4)):
        days.change()
    people = directory.user_ids()
    directory.set_manager(chance.choice(people), chance.choice([None, *people]))
    away = [number for number, reason in directory.users.removed.items() if reason == "changed"]
    if away and chance.random() < 0.3:
        directory.restore_user(directory.users.id(chance.choice(away)))
    if chance.random() < 0.2:
        directory.add_group(f"Group {chance.random()}", members=chance.sample(people, 5))
    if chance.random() < 0.1:
        directory.remove_group(chance.choice(directory.group_ids()))


@pytest.fixture(params=range(6))
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.param)


@pytest.fixture
def client(chance: random.Random) -> Iterator[Client]:
    with GraphServer(Directory(users=60, groups=6)) as server, closing(Client(server)) as client:
        server.paging.size, server.paging.members = chance.choice([(7, 5), (20, 40), (200, 1000)])
        server.paging.empty, server.paging.repeat = chance.random() < 0.5, chance.random() < 0.5
        yield client


def test_rounds_lead_to_what_the_tenant_has(client: Client, chance: random.Random) -> None:
    directory, known, links = client.directory, Copy(), [USERS, GROUPS]
    days = Days(directory, chance.randrange(999))
    for turn in range(6):
        for kind, link in enumerate(links):
            for page in client.pages(link):
                known.take(page)
                links[kind] = page.get("@odata.deltaLink", "")
                if turn < 5:  # the last round finds a tenant at rest
                    disturb(directory, days, chance)

    assert (known.users, known.managers, known.members) == truth(directory)
