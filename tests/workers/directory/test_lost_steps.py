"""A step whose transaction fails leaves no trace: neither in the database nor in what the run remembers."""

import pytest
from psycopg import errors

from models import job as jobs
from models.directory import staging, syncs
from ops.simulators.graph import Directory
from tests.workers.directory.conftest import Pulled
from tests.workers.directory.test_run import names


@pytest.mark.parametrize("failing", ["the page", "the position", "the progress"])
def test_a_page_that_could_not_be_kept_is_read_again(
    staff: Pulled, directory: Directory, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    names(directory, *(f"P{number}" for number in range(250)))
    staff.connect()
    owner, name = {
        "the page": (staging, "stage"),
        "the position": (syncs, "move"),
        "the progress": (jobs, "beat"),
    }[failing]
    real, failed = getattr(owner, name), False

    def busy_at_the_last_page(*args: object, **more: object) -> object:
        nonlocal failed
        if not failed and len([one for one in staff.graph.requests if "/users/delta" in one.target]) == 2:
            failed = True
            raise errors.LockNotAvailable("somebody has it")
        return real(*args, **more)

    monkeypatch.setattr(owner, name, busy_at_the_last_page)

    over = staff.finish(staff.begin())

    assert failed
    assert (over.state, len(staff.people()), over.progress.seen) == ("done", 250, 250)
