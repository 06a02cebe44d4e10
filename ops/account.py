"""Who the embedded servers run as: ourselves, or (as root, which PostgreSQL refuses) a user without rights."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

NAME = "muster"
# Lets a process pass folders that are closed to it. Containers often withhold the first.
_PASSAGES = ("dac_read_search", "dac_override")


class Unusable(Exception):
    """The embedded servers cannot run here; the text says what to do instead."""


@dataclass(frozen=True)
class Account:
    """How to start a program so that it runs as this user. No user: as ourselves."""

    uid: int | None = None
    gid: int | None = None
    passage: str | None = None  # the one capability that it needs to reach its own files, if any

    def popen(self, command: Sequence[str]) -> dict[str, Any]:
        """Arguments of subprocess.Popen."""
        if self.uid is None:
            return {"args": list(command)}
        if self.passage is None:
            return {"args": list(command), "user": self.uid, "group": self.gid, "extra_groups": []}
        return {"args": [*self._setpriv(), *command]}

    def _setpriv(self) -> list[str]:
        return [
            "setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups",
            f"--inh-caps=+{self.passage}", f"--ambient-caps=+{self.passage}",
            # Or access(2), with which PostgreSQL looks for its own files, disregards the capability.
            # None of root's others outlives the exec.
            "--securebits=+no_setuid_fixup", "--",
        ]  # fmt: skip

    def own(self, folder: Path) -> Path:
        """Make a folder that only this user (and root) can open."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        if self.uid is not None and self.gid is not None:
            os.chown(folder, self.uid, self.gid)
        return folder

    def reaches(self, folders: Sequence[Path]) -> bool:
        """Whether the user can enter all of these; found out by doing it."""
        command = ["ls", "-d", "--", *(f"{folder}/." for folder in folders)]
        try:
            return subprocess.run(**self.popen(command), capture_output=True, cwd="/").returncode == 0
        except OSError:
            return False


def choose(*folders: Path) -> Account:
    """An account that can enter these folders, without a change of anybody's permissions."""
    if os.geteuid() != 0:
        return Account()
    entry = _entry()
    plain = Account(entry.pw_uid, entry.pw_gid)
    # Never chmod a parent: a home folder opened to everybody is a worse surprise than a refusal.
    passages = _PASSAGES if shutil.which("setpriv") else ()
    for candidate in (plain, *(replace(plain, passage=passage) for passage in passages)):
        if candidate.reaches(folders):
            return candidate
    closed = [str(folder) for folder in folders if not plain.reaches([folder])]
    raise Unusable(
        f"PostgreSQL does not run as root, and the user '{entry.pw_name}' cannot enter {' and '.join(closed)}:"
        " start Muster as an ordinary user, or keep it in a folder that other users may pass (see --data)"
    )


def _entry() -> pwd.struct_passwd:
    for name in (NAME, "nobody"):
        if name == NAME and not _known(NAME) and shutil.which("useradd"):
            command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
            subprocess.run(command, check=False, capture_output=True)
        if _known(name):
            return pwd.getpwnam(name)
    raise Unusable("PostgreSQL does not run as root, and there is no user 'muster' or 'nobody' to run it as")


def _known(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
