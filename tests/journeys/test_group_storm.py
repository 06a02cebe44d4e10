"""Users, groups and bulk requests all at once, through two ingress processes: what is left is consistent."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.factories import Body, patch, replace, user
from tests.journeys.idp import Idp
from tests.journeys.system import Muster

pytestmark = pytest.mark.journey

WRITERS, STEPS = 8, 60
NAMES = [f"storm{number}@north.example" for number in range(20)]
GROUPS = ["Staff", "staff", "Crew", "Deck", "Galley"]


class Writer:
    """One client that does whatever comes to its mind."""

    def __init__(self, idp: Idp, seed: int) -> None:
        self.idp, self.chance = idp, random.Random(seed)
        self.statuses: Counter[int] = Counter()
        self.accepted = 0

    def run(self) -> None:
        for _ in range(STEPS):
            step = self.chance.choice([self.create, self.delete, self.rename, self.regroup, self.regroup, self.bulk])
            step()

    def send(self, method: str, path: str, body: Body | None = None) -> Body:
        answer = self.idp.request(method, path, body)
        self.statuses[answer.status_code] += 1
        writes = method != "GET" and path != "/Bulk" and answer.status_code < 300
        self.accepted += writes
        return answer.json() if answer.content else {}

    def some(self, kind: str) -> str | None:
        """The id of one that was there a moment ago."""
        found = self.send("GET", f"/{kind}?excludedAttributes=members&count=50").get("Resources", [])
        return self.chance.choice(found)["id"] if found else None

    def create(self) -> None:
        if self.chance.random() < 0.7:
            self.send("POST", "/Users", user(self.chance.choice(NAMES)))
        else:
            self.send("POST", "/Groups", {"displayName": self.chance.choice(GROUPS)})

    def delete(self) -> None:
        kind = self.chance.choice(["Users", "Users", "Groups"])
        if (found := self.some(kind)) is not None:
            self.send("DELETE", f"/{kind}/{found}")

    def rename(self) -> None:
        if (found := self.some("Users")) is not None:
            address = [{"value": self.chance.choice(NAMES), "type": "work"}]
            self.send("PATCH", f"/Users/{found}", patch(replace("emails", address)))

    def regroup(self) -> None:
        group, one = self.some("Groups"), self.some("Users")
        if group is not None and one is not None:
            op = self.chance.choice(["add", "remove", "replace"])
            self.send("PATCH", f"/Groups/{group}", patch({"op": op, "path": "members", "value": [{"value": one}]}))

    def bulk(self) -> None:
        name = self.chance.choice(NAMES)
        members = [{"value": "bulkId:u"}]
        operations = [
            {"method": "POST", "path": "/Groups", "bulkId": "g",
             "data": {"displayName": self.chance.choice(GROUPS), "members": members}},
            {"method": "POST", "path": "/Users", "bulkId": "u", "data": user(name)},
        ]  # fmt: skip
        outcomes = self.send("POST", "/Bulk", {"Operations": operations})["Operations"]
        self.accepted += sum(one["status"] == "201" for one in outcomes)


def test_after_a_storm_members_are_users_counts_are_true_and_each_operation_is_logged_once(muster: Muster) -> None:
    target = muster.new_list()
    writers = [Writer(Idp.of(target), seed) for seed in range(WRITERS)]

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(Writer.run, writers))
    for one in writers:
        one.idp.http.close()
    muster.settled(target.list_id)

    statuses = sum((one.statuses for one in writers), Counter[int]())
    assert statuses.keys() <= {200, 201, 204, 400, 404, 409}, statuses
    checks = {
        "a member who is no user": "select count(*) from group_member m where list_id = %s and not exists"
        " (select from identity i where i.list_id = m.list_id and i.id = m.identity_id)",
        "a membership of no group": "select count(*) from group_member m where list_id = %s and not exists"
        " (select from scim_group g where g.list_id = m.list_id and g.id = m.group_id)",
        "a wrong count": "select count(*) from scim_group g where list_id = %s and member_count <>"
        " (select count(*) from group_member m where m.list_id = g.list_id and m.group_id = g.id)",
        "a look-up of no address": "select count(*) from identity_email e where list_id = %s and not exists"
        " (select from identity i, jsonb_array_elements(i.document -> 'emails') a"
        " where i.list_id = e.list_id and i.id = e.identity_id and lower(a ->> 'value') = e.key)",
        "an address without a look-up": "select count(*) from identity i, jsonb_array_elements(document -> 'emails') a"
        " where list_id = %s and not exists (select from identity_email e where e.list_id = i.list_id"
        " and e.identity_id = i.id and e.key = lower(a ->> 'value'))",
    }
    assert {what: muster.rows(sql, target.list_id) for what, sql in checks.items()} == dict.fromkeys(checks, [(0,)])
    assert len(muster.story(target.list_id)) == sum(one.accepted for one in writers)
