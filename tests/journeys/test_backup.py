"""Backup and restore: into a new data folder, and the IdPs go on as if nothing had been."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ops.simulators import directory, okta
from tests.factories import user
from tests.journeys.idp import Idp
from tests.journeys.system import ROOT, Muster, clean_environment, running

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]


def command(muster: Muster, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops.cli", *arguments, "--data", str(muster.folder / "d"), "--json"],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def test_everything_is_there_again_and_nobody_twice(muster: Muster, tmp_path: Path) -> None:
    home, file = muster.new_list(), tmp_path / "muster.dump"
    directory.run(okta.Okta(), home.base_url, home.token, 20, 0.3, 0.1, 2)
    muster.settled(home.list_id)
    before = muster.people(home.list_id)
    report = json.loads(command(muster, "backup", str(file)).stdout)
    assert report["bytes"] == file.stat().st_size > 0
    assert file.stat().st_mode & 0o077 == 0
    with Idp.of(home) as idp:
        idp.create(user("late@north.example"))  # after the backup: lost with the old machine

    with running("--no-demo") as fresh:
        done = command(fresh, "restore", str(file))
        assert done.returncode == 0, done.stderr
        assert fresh.people(home.list_id) == before
        again = command(fresh, "restore", str(file))
        assert (again.returncode, "has" in again.stderr and "lists already" in again.stderr) == (1, True)

        # The identity provider goes on with the token that it has: those it knows are found, the lost one is made.
        base_url = f"{fresh.scim_root}/{home.list_id}"
        with Idp(home.list_id, base_url, home.token) as idp:
            assert idp.create(user("late@north.example"))
        directory.run(okta.Okta(), base_url, home.token, 20, 0.3, 0.1, 2)
        fresh.settled(home.list_id)
        after = fresh.people(home.list_id)
    assert {one["id"] for one in before} < {one["id"] for one in after}
    assert [one["uid"] for one in after] == sorted([*(one["uid"] for one in before), "late@north.example"])


def test_what_is_no_backup_leaves_an_empty_database_that_works(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.dump"
    wrong.write_text("this is none")

    with running("--no-demo") as fresh:
        done = command(fresh, "restore", str(wrong))
        missing = command(fresh, "restore", str(tmp_path / "nowhere"))
        home = fresh.new_list()
        with Idp.of(home) as idp:
            idp.create(user("ada@north.example"))
        fresh.settled(home.list_id)

        assert [one["uid"] for one in fresh.people(home.list_id)] == ["ada@north.example"]
    assert (done.returncode, "pg_restore failed" in done.stderr) == (1, True)
    assert (missing.returncode, "there is no file" in missing.stderr) == (1, True)
