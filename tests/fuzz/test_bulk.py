"""Bulk requests: one outcome for each operation that was tried, and a sound list afterwards."""

from typing import Any

import msgspec
import pytest

from tests.fuzz.changes import BULKS
from tests.fuzz.client import check_error, check_page
from tests.fuzz.keeping import check_stored
from tests.fuzz.rounds import TIMEOUT, keep_at
from tests.fuzz.world import World

pytestmark = pytest.mark.timeout(TIMEOUT)
_STATUS = {"POST": "201", "PUT": "200", "PATCH": "200", "DELETE": "204"}


def _ask(world: World, text: str) -> None:
    content = world.fill(text).encode("utf-8", "surrogatepass")
    answer = world.ask("POST", "/Bulk", content)
    if answer.status == 200:
        sent = {name.lower(): value for name, value in msgspec.json.decode(content).items()}
        _check_outcomes(sent, answer.body["Operations"])
        _check_list(world, answer.body["Operations"])


def _check_outcomes(sent: dict[str, Any], outcomes: list[Any]) -> None:
    tried, most = sent["operations"], sent.get("failonerrors")
    failed = [one for one in outcomes if int(one["status"]) >= 400]
    assert len(outcomes) == len(tried) if most is None else len(failed) <= most, outcomes
    if most is not None and len(outcomes) < len(tried):
        assert len(failed) == most, (sent, outcomes)
    for one in outcomes:
        if int(one["status"]) < 400:
            assert one["status"] == _STATUS[one["method"]], one
            assert one["method"] == "DELETE" or one["version"].startswith('W/"'), one
            assert one["location"].count("/") > 4, one
        else:
            assert int(one["status"]) < 500, one
            check_error(one["response"], int(one["status"]))


def _check_list(world: World, outcomes: list[Any]) -> None:
    """What was accepted is there, unless a later operation deleted it, and no reference is left unresolved."""
    gone = {one["location"] for one in outcomes if one["status"] == "204"}
    named = {one["bulkId"] for one in outcomes if one["status"] == "201"}
    for location in {one["location"] for one in outcomes if int(one["status"]) < 204} - gone:
        found = world.ask("GET", world.relative(location))
        assert found.status == 200, (location, outcomes)
        check_stored(world, found.body)
    everybody = world.ask("GET", "", query=b"count=1000").body
    ids = set(check_page(everybody))
    for one in everybody["Resources"]:
        manager = one.get("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", {}).get("manager", {})
        assert str(manager.get("value", "")).removeprefix("bulkId:") not in named, (one, outcomes)
        assert {member["value"] for member in one.get("members", ())} <= ids, one


def test_every_bulk_request_has_an_outcome_for_each_operation_and_leaves_a_sound_list(fuzzed: World) -> None:
    keep_at(fuzzed, BULKS, _ask)
