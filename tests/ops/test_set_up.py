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


AUDITS = {
    # What pip-audit says: with the service, of which one package is unknown; and where it cannot be reached.
    "unknown": (
        "No known vulnerabilities found\nName Skip Reason\n---- -----------\n"
        "beta Dependency not found on PyPI and could not be audited: beta (2.0)",
        "NOT AUDITED: 1 of 2 packages are unknown to the service: beta",
    ),
    "away": (
        "ConnectionError: no route to host",
        "NOT AUDITED: the service that knows vulnerabilities could not be asked about alpha beta",
    ),
}


@pytest.mark.parametrize(("says", "told"), AUDITS.values(), ids=AUDITS)
def test_what_could_not_be_audited_is_named(tmp_path: Path, says: str, told: str) -> None:
    functions = (ROOT / "muster").read_text().partition("\ncase ${1:-} in")[0]
    (tmp_path / "requirements.lock").write_text(
        "alpha[x]==1.0 \\\n    --hash=sha256:0\nbeta==2.0 \\\n    --hash=sha256:0\n"
    )
    program = tmp_path / "pip-audit"
    program.write_text(f"#!/bin/sh\ncat <<'EOF'\n{says}\nEOF\n")
    program.chmod(0o755)
    (tmp_path / "muster").write_text(f"{functions}\ncd {tmp_path}\nvenv={tmp_path}/.venv\naudit\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    program.rename(tmp_path / ".venv" / "bin" / "pip-audit")

    done = subprocess.run(["sh", str(tmp_path / "muster")], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert told in done.stderr.splitlines()[-1]
