"""Many writers, few users, few UIDs: everything clashes, and the list still tells what was accepted last."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import httpx
import pytest

from models import connection
from tests.factories import ENTERPRISE, replace, user
from tests.journeys.idp import Idp
from tests.journeys.system import Muster, NewList

pytestmark = pytest.mark.journey
NUMBER = f"{ENTERPRISE}:employeeNumber"
CLIENTS, REQUESTS = 8, 120
EXPECTED = {200, 201, 204, 404, 409}


class Storm:
    """Clients that know each other's users and write them all at once."""

    def __init__(self, target: NewList) -> None:
        self.target = target
        self.ids: set[str] = set()
        self.statuses: Counter[int] = Counter()
        self._lock = Lock()

    def client(self, number: int) -> None:
        chance = random.Random(number)
        with Idp.of(self.target) as idp:
            for n in range(REQUESTS):
                with self._lock:
                    known = sorted(self.ids)
                self.note(self.write(idp, chance, chance.choice(known) if known else None, f"{number}-{n}"))

    def write(self, idp: Idp, chance: random.Random, known: str | None, title: str) -> httpx.Response:
        """One write that suits nobody's plan."""
        name, number = f"user{chance.randrange(6)}", f"E-{chance.randrange(5)}"
        if known is None or chance.random() < 0.3:
            external_id = f"x{chance.randrange(8)}"
            return idp.post(user(name, employee_number=number, externalId=external_id, title=title))
        if chance.random() < 0.15:
            return idp.delete(known)
        [operation] = chance.choices(
            [
                replace("title", title),
                replace("active", chance.random() < 0.5),
                replace(NUMBER, number),
                {"op": "remove", "path": NUMBER},
                replace("userName", name),
            ],
            weights=(30, 30, 25, 5, 10),
        )
        return idp.patch(known, operation)

    def note(self, answer: httpx.Response) -> None:
        with self._lock:
            self.statuses[answer.status_code] += 1
            if answer.status_code == 201:
                self.ids.add(answer.json()["id"])
            if answer.status_code == 204:
                self.ids.discard(str(answer.request.url).rsplit("/", 1)[1])


def test_a_storm_of_clashing_writes_ends_as_the_documents_say(muster: Muster) -> None:
    target = muster.new_list("employeeNumber")
    storm = Storm(target)
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(storm.client, range(CLIENTS)))
    muster.settled(target.list_id)

    assert storm.statuses.keys() <= EXPECTED, storm.statuses
    accepted = [entry for entry in muster.log(target.list_id) if entry["result"] != "rejected"]
    assert len(accepted) == sum(storm.statuses[status] for status in (200, 201, 204))
    assert len({entry["request_id"] for entry in accepted}) == len(accepted)
    check(muster, target.list_id)


def check(muster: Muster, list_id: str) -> None:
    """Who is followed is as described; who is active and waits for nothing is in the list."""
    identities = {
        str(id_): (document, waits)
        for id_, document, waits in muster.rows(
            "select id, document, waiting_reason from identity where list_id = %s", list_id
        )
    }
    held: dict[str, tuple[Any, ...]] = {
        str(holder): (active, fields)
        for holder, active, fields in muster.rows(
            "select identity_id, active, fields from person where list_id = %s and identity_id is not null", list_id
        )
    }
    roster = muster.in_transaction(lambda cursor: connection.rosters(cursor, [list_id], {})[list_id], list_id)
    assert held.keys() <= identities.keys()
    for id_, (document, waits) in identities.items():
        values = roster.projection.project(document).values
        wanted = (document["active"], {key: value for key, value in values.items() if value is not None})
        assert held.get(id_) == wanted or (id_ not in held and (waits or not document["active"]))
