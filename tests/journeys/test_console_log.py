"""The provisioning log in the console of a running system: live, and as a file."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import httpx
import pytest

from models import operator, organisation
from tests.factories import user
from tests.journeys.idp import Idp
from tests.journeys.system import Muster
from tests.journeys.waiting import eventually

pytestmark = pytest.mark.journey


@pytest.fixture
def console(muster: Muster) -> Iterator[httpx.Client]:
    """An administrator, signed in."""
    email = f"{uuid4()}@north.example"
    password = muster.in_transaction(
        lambda cursor: operator.add(cursor, organisation.ensure(cursor, muster.owner, "business"), email, "admin")
    )
    with httpx.Client(base_url=muster.ready["console_url"], trust_env=False, timeout=30) as client:
        client.post("/login", data={"email": email, "password": password, "next": "/lists"})
        yield client


@contextmanager
def listening(console: httpx.Client, list_id: str) -> Iterator[list[str]]:
    """The events of an open page, as they arrive."""
    heard: list[str] = []
    with console.stream("GET", f"/lists/{list_id}/sync/stream?since=0", timeout=60) as answer:
        assert answer.status_code == 200

        def read() -> None:
            try:
                for line in answer.iter_lines():
                    heard.append(line)
            except httpx.HTTPError:
                return  # hung up below

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        eventually(lambda: heard, 10, "the stream's first line")
        yield heard
        # Closing alone does not wake a thread that reads.
        answer.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        thread.join(10)


def events(heard: list[str]) -> int:
    return sum(line == "event: provisioning" for line in list(heard))


def test_what_is_applied_and_what_is_refused_shows_at_once(muster: Muster, console: httpx.Client, staff: Idp) -> None:
    with listening(console, staff.list_id) as heard:
        before = events(heard)
        staff.create(user("ada@north.example"))
        eventually(lambda: events(heard) > before, 10, "an event about what was applied")
        before = events(heard)
        assert staff.post(user("ada@north.example", externalId="other")).status_code == 409
        eventually(lambda: events(heard) > before, 10, "an event about what was refused")

    page = console.get(f"/lists/{staff.list_id}/sync/log", headers={"HX-Request": "true"}).text
    assert page.index("Rejected") < page.index("Applied")
    lines = console.get(f"/lists/{staff.list_id}/sync/log.ndjson").text.splitlines()
    assert {json.loads(line)["result"] for line in lines} == {"applied", "rejected"}


def test_another_lists_changes_are_not_told(muster: Muster, console: httpx.Client, staff: Idp, numbered: Idp) -> None:
    with listening(console, staff.list_id) as heard:
        numbered.create(user("bo@north.example", employee_number="E1"))
        muster.settled(numbered.list_id)
        # Told in order: had the other list's change been told here, it would have been first.
        before = events(heard)
        staff.create(user("cy@north.example"))
        eventually(lambda: events(heard) > before, 10, "an event")
        number = [line for line in heard if line.startswith("id: ")][-1]

    assert number == f"id: {muster.log(staff.list_id)[-1]['id']}"
