"""The published suites for SCIM servers: each gets a list of its own, nothing may fail, what is not run is named."""

import json
import subprocess
import sys
from typing import Any

import httpx
import pytest
from scim2_client import BaseSyncSCIMClient
from scim2_tester import CheckResult, Status, check_server, checkers

from tests.journeys.idp import Idp
from tests.journeys.system import ROOT, Muster, NewList, clean_environment

pytestmark = pytest.mark.journey

# `check_server` never calls it: RFC 7644 §4 asks for the schemas of resources, not for those of discovery itself.
NOT_CALLED = {"core_schemas_validation"}
# A deviation from a SHOULD and a check that was skipped are failures, too.
PASSED = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}
# A draft (draft-abbey-scim-agent-extension) whose resource types no list has.
AGENTS = {"Agent CRUD Lifecycle", "AgenticApplication CRUD Lifecycle", "Agent Rapid Lifecycle"}


class _Client(BaseSyncSCIMClient):
    """scim2-client over the HTTP client of the other journeys: it brings an engine for httpx2 only."""

    def __init__(self, idp: Idp) -> None:
        super().__init__()
        self.idp = idp

    def request(self, method: str, url: str, **kwargs: Any) -> httpx.Response:
        return self.idp.http.request(method, self.idp.base_url + url, **kwargs)


def _lines(title: str, lines: list[str]) -> str:
    return "\n  ".join([f"{len(lines)} {title}:", *lines])


def _described(result: CheckResult) -> str:
    return f"{result.status.name} {result.resource_type or 'server'}: {result.title}: {result.reason}"


def _checks() -> set[str]:
    return {name for name in checkers.__all__ if hasattr(getattr(checkers, name), "tags")}


def test_scim2_tester_finds_nothing(muster: Muster) -> None:
    with Idp.of(muster.new_list()) as idp:
        results = check_server(_Client(idp))
    failed = [_described(result) for result in results if result.status not in PASSED]
    assert not failed, _lines(f"of {len(results)} results of scim2-tester", failed)
    # It leaves out, without a word, whatever it cannot describe from the discovery documents.
    assert _checks() - {result.title for result in results} == NOT_CALLED
    assert {result.resource_type for result in results} == {None, "User", "Group"}


def _probe(target: NewList, *options: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "scim_sanity", "probe", target.base_url, "--token", target.token,
         "--strict", "--json-output", "--i-accept-side-effects", *options],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.stdout.startswith("{"), f"scim-sanity printed no report:\n{done.stdout}\n{done.stderr}"
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("options", [(), ("--profile", "entra")], ids=["plain", "entra"])
def test_scim_sanity_finds_nothing(muster: Muster, options: tuple[str, ...]) -> None:
    status, report = _probe(muster.new_list(), *options)
    results = report["results"]
    failed = [
        f"{each['status']} {each['phase']}: {each['name']}: {each.get('message', '')}"
        for each in results
        if each["status"] != "pass" and each["name"] not in AGENTS
    ]
    assert not failed, _lines(f"of {len(results)} results of scim-sanity", failed)
    assert (status, report["mode"]) == (0, "strict")
    assert {each["name"] for each in results if each["status"] == "skip"} == AGENTS
