"""The first run of ./muster: what it lets pip say."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.ops.dockerfile import ROOT

# As pip does: warnings at less than two --quiet, errors always. The version check of `fits` is Python's own business.
PIP = """#!/bin/sh
[ "$1" = -m ] || exit 0
case " $* " in *" -qq "*) ;; *) echo "WARNING: Location 'x' is ignored" >&2 ;; esac
[ -z "$BROKEN" ] || { echo "ERROR: No matching distribution found" >&2; exit 1; }
"""


@pytest.mark.parametrize(("broken", "last"), [("", "muster: ready: "), ("1", "ERROR: No matching distribution found")])
def test_the_set_up_shows_what_is_wrong_and_no_warning(tmp_path: Path, broken: str, last: str) -> None:
    for name in ("muster", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text(PIP)
    python.chmod(0o755)

    done = subprocess.run(
        [str(tmp_path / "muster"), "install"], env={"PATH": "/usr/bin:/bin", "BROKEN": broken},
        capture_output=True, text=True,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (int(bool(broken)), "")
    assert [line.startswith(last) for line in done.stderr.splitlines()] == [True]
