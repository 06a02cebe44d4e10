"""I9: one list's burst does not hold up another list."""

from datetime import timedelta
from threading import Event, Thread

import pytest

from tests.factories import user
from tests.journeys.burst import encoded, send_all
from tests.journeys.idp import Idp
from tests.journeys.system import Muster, moment

pytestmark = pytest.mark.journey

BURST, CONNECTIONS = 20_000, 48
PATIENCE = timedelta(seconds=2)


def test_a_burst_of_20000_creates_delays_no_write_to_another_list(muster: Muster) -> None:
    crowd, quiet = muster.new_list(), muster.new_list()
    requests = list(encoded(crowd, (user(f"burst{n}@north.example") for n in range(BURST))))
    over = Event()

    def trickle() -> None:
        with Idp.of(quiet) as idp:
            n = 0
            while not over.wait(1 if n else 0):  # one write a second is what is being tested
                idp.create(user(f"quiet{n}@north.example"))
                n += 1

    writer = Thread(target=trickle)
    writer.start()
    statuses = send_all(crowd, requests, CONNECTIONS)
    muster.settled(crowd.list_id, within=60)
    over.set()
    writer.join()
    muster.settled(quiet.list_id)

    assert statuses == {201: BURST}
    assert len(muster.people(crowd.list_id)) == BURST
    late = [
        entry for entry in muster.log(quiet.list_id)
        if moment(entry["applied_at"]) - moment(entry["accepted_at"]) > PATIENCE
    ]  # fmt: skip
    assert late == []
    assert len(muster.log(quiet.list_id)) >= 2
