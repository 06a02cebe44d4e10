"""Every recorded request for users, through the pure steps alone: no server, no database."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from ingress.scim import errors, intake, patch, projection, query, render
from models.errors import Refused, Taken, Unknown
from models.resource import Stored
from tests.ingress.evaluation import holds
from tests.journeys.traffic import EMPTY, Sequence, at_path, difference, fill, sequences

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BASE = "https://muster.example/scim/v2/abc"


@dataclass
class Roster:
    """Users by id, as far as the sequences need one."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        path, asked = urlsplit(target).path.rstrip("/"), urlsplit(target).query
        user_id = path.removeprefix("/Users").strip("/")
        try:
            if method == "GET" and not user_id:
                return 200, self.page(query.parameters(asked.encode()))
            if method == "POST":
                return 201, self.create(intake.user(intake.load(body)))
            return self.change(method, user_id, body)
        except Refused as refusal:
            return refusal.status, json.loads(errors.body(refusal))

    def page(self, parameters: dict[str, str]) -> Any:
        wanted, resources = query.page(parameters), [self.shown(user_id) for user_id in self.users]
        if "filter" in parameters:
            node = query.parse(parameters["filter"])
            resources = [each for each in resources if holds(node, each)]
        part = resources[wanted.start_index - 1 :][: wanted.count]
        shown = [projection.project(each, parameters.get("attributes"), None) for each in part]
        return json.loads(render.listing(shown, len(resources), wanted.start_index))

    def create(self, document: dict[str, Any]) -> Any:
        if any(each["userName"] == document["userName"] and each["active"] for each in self.users.values()):
            raise Taken("userName is taken")
        user_id = f"u-{len(self.users)}"
        self.users[user_id] = document
        return self.shown(user_id)

    def change(self, method: str, user_id: str, body: bytes) -> tuple[int, Any]:
        if user_id not in self.users:
            raise Unknown("no such user")
        if method == "DELETE":
            del self.users[user_id]
            return 204, None
        if method == "PUT":
            self.users[user_id] = intake.user(intake.load(body))
        if method == "PATCH":
            self.users[user_id] = patch.apply(patch.parse(intake.load(body)), self.users[user_id])
        return 200, self.shown(user_id)

    def shown(self, user_id: str) -> Any:
        return json.loads(bytes(render.whole(Stored(user_id, json.dumps(self.users[user_id]), 1, NOW, NOW), BASE)))


def about_users(step: dict[str, Any]) -> bool:
    path: str = step["path"]
    return path.startswith("/Users") and step["expect"]["status"] != 401


@pytest.mark.parametrize("sequence", list(sequences()), ids=lambda sequence: sequence.id)
def test_each_recorded_request_for_users_leaves_the_state_that_its_sender_expects(sequence: Sequence) -> None:
    roster, variables = Roster(), dict.fromkeys(("token", "bad_token", "revoked_token"), "t")
    for step in filter(about_users, sequence.steps):
        body = step["raw_body"] if "raw_body" in step else json.dumps(fill(step.get("body"), variables))
        status, answer = roster.answer(step["method"], fill(step["path"], variables), body.encode())

        expect, at = step["expect"], step["name"]
        assert status in (expect["status"] if isinstance(expect["status"], list) else [expect["status"]]), at
        variables |= {name: at_path(answer, keys) for name, keys in expect.get("save", {}).items()}
        assert difference(fill(expect.get("body", {}), variables), answer or {}) is None, at
        assert all(at_path(answer, keys) in EMPTY for keys in expect.get("body_absent", [])), at
        for state in fill(expect.get("state", []), variables):
            if not state["get"].startswith("/Users"):
                continue
            status, shown = roster.answer("GET", state["get"], b"")
            assert status == state["status"], at
            assert difference(state.get("match", {}), shown) is None, at
            assert all(at_path(shown, keys) in EMPTY for keys in state.get("absent", [])), at
