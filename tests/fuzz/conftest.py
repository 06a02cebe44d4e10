"""The world that targets act on, and how much each of them asked."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from models.database import Connection
from tests.fuzz.world import World


@pytest.fixture
def fuzzed(
    database_url: str, owner_url: str, connection: Connection, record_property: Callable[[str, object], None]
) -> Iterator[World]:
    """The application with seeds in its lists; a log line of its own failure fails the test."""
    logged = LogCapture()
    structlog.configure(processors=[logged])
    world, began = World(database_url, owner_url, connection), time.monotonic()
    yield world
    seconds = time.monotonic() - began
    world.close()
    structlog.reset_defaults()
    record_property("asked", f"{world.app.asked:,} requests, {world.app.asked / seconds:.0f} a second")
    assert [entry for entry in logged.entries if entry["event"] != "bell_failed"] == []


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The closing lines: how much was asked."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "asked" and report.when == "teardown":
                    terminalreporter.write_line(f"{report.nodeid}: {value}")
