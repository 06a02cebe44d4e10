"""What the Dockerfile installs, made of what is installed here already, and gone through: in seconds and offline.

`tests/ops/replay.py` carries the Dockerfile out for good, in a minute and as root.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from ops.account import Account, choose
from tests.ops import proof
from tests.ops.dockerfile import ROOT, ours
from tests.ops.replay import context
from tests.ops.test_containers import pins

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
OFFLINE = ("--no-deps", "--no-index")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the packages of the runtime lock and our wheel, and nothing else."""
    folder = tmp_path_factory.mktemp("image")
    source, made = folder / "source", folder / "muster"
    for path in context():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, source / path)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", made], check=True)
    [packages] = made.glob("lib/python3*/site-packages")
    for name in pins("requirements.runtime.lock"):
        _borrow(name, packages)
    wheel = [*PIP, "wheel", *OFFLINE, "--no-build-isolation", "--wheel-dir", str(folder / "wheel"), str(source)]
    subprocess.run(wheel, check=True, capture_output=True)
    [file] = (folder / "wheel").iterdir()
    python = [*PIP[:3], "--python", str(made / "bin" / "python"), *PIP[3:]]
    subprocess.run([*python, "install", *OFFLINE, "--no-compile", str(file)], check=True)
    return made


def _borrow(name: str, packages: Path) -> None:
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return  # for another system or another Python
    for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
        if not (packages / top).exists():
            (packages / top).symlink_to(str(found.locate_file(top)))


def test_a_user_goes_from_the_image_into_the_list(environment: Path, tmp_path: Path) -> None:
    told = ours()[-1].last("ENV").pairs() | {"PATH": f"{environment}/bin:/usr/bin:/bin", "TMPDIR": str(tmp_path)}
    account = _nobody(environment, tmp_path)

    def launch(*arguments: str, **variables: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            **account.popen([str(environment / "bin" / "muster"), *arguments]), env=told | variables, cwd="/",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    proof.go_through(launch, tmp_path)

    assert [path for path in environment.rglob("*.pyc") if not path.is_symlink()] == []


def _nobody(*folders: Path) -> Account:
    """A user who owns nothing here, if we may become one; the second folder is theirs to write to."""
    account = choose(*folders, Path(sys.prefix))
    if account.uid is not None and account.gid is not None:
        os.chown(folders[1], account.uid, account.gid)
    return account


def test_the_environment_has_nothing_that_the_image_has_not(environment: Path) -> None:
    [packages] = environment.glob("lib/python3*/site-packages")
    names = {re.sub(r"[-_.]+", "-", each.name.partition("-")[0]).lower() for each in packages.glob("*.dist-info")}

    assert names - pins("requirements.runtime.lock").keys() == {"muster"}
