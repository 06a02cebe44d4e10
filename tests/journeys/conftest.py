"""Journeys: real processes, spoken to through their doors only."""

from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any

import pytest

from ops.addresses import free_port
from ops.bench.system import System
from ops.state import Folder
from tests.journeys.console import OPEN
from tests.journeys.directory import SECRET_KEY
from tests.journeys.idp import Idp
from tests.journeys.system import Muster, running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """A failed journey in a browser tells what its pages show."""
    report = yield
    if report.when == "call" and report.failed:
        for console in OPEN:
            with suppress(Exception):
                item.add_report_section("call", "page", console.told())
        report.sections = [(f"Captured {key} {when}", text) for when, key, text in item._report_sections]
    return report


@pytest.fixture(scope="session")
def graph_port() -> int:
    """Where a journey may serve a directory of its own, for workers and consoles to find."""
    return free_port()


@pytest.fixture(scope="session")
def muster(graph_port: int) -> Iterator[Muster]:
    """One `muster up` with two ingress and two worker processes, shared by the journeys that break nothing."""
    simulator = {"MUSTER_GRAPH_SIMULATOR": f"http://127.0.0.1:{graph_port}", "MUSTER_SECRET_KEY": SECRET_KEY}
    with running("--ingress", "2", "--workers", "2", "--no-demo", **simulator) as stack:
        yield stack


@pytest.fixture(scope="module", autouse=True)
def _organisation(request: pytest.FixtureRequest) -> None:
    """Lists of one file of tests are an organisation's of their own."""
    Muster.owner = f"Journeys of {request.module.__name__.rpartition('.')[2]}"


@pytest.fixture(scope="session")
def system(muster: Muster) -> System:
    """The same as `muster bench` sees one of its own."""
    return System.of_state(Folder(muster.folder / "d").read(), ours=True)


@pytest.fixture
def staff(muster: Muster) -> Iterator[Idp]:
    """An IdP that fills a fresh list whose unique identifier is the user name."""
    with Idp.of(muster.new_list("userName")) as idp:
        yield idp


@pytest.fixture
def numbered(muster: Muster) -> Iterator[Idp]:
    """An IdP that fills a fresh list whose unique identifier is the employee number."""
    with Idp.of(muster.new_list("employeeNumber")) as idp:
        yield idp
