"""The Dockerfile carried out without a container engine: each stage a folder, each RUN in a chroot of it.

    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates trixie BASE
    python -m tests.ops.replay BASE FOLDER

as root, on Debian. BASE stands in for the base image; FOLDER gets the stages, the last one as FOLDER/image.
Then a person goes through it: migrations, ingress and workers as the image's own user, with nothing writable but /tmp.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tests.ops import proof
from tests.ops.dockerfile import ROOT, Instruction, Stage, expand, ours

# What reaches the package index here and is no part of an image.
_FROM_OUTSIDE = ("/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")

_VARIABLES_FROM_OUTSIDE = ("PIP_CERT", "PIP_INDEX", "PIP_TRUSTED", "SSL_", "HTTP", "http")

# $0 is the image's root, $1 and $2 are user and group; the rest is the command.
_INSIDE = """
mount --bind "$0" "$0"
mount -o remount,bind,ro "$0"
mount -t proc proc "$0/proc"
mount -t tmpfs -o size=64m,mode=1777,noexec,nosuid,nodev tmp "$0/tmp"
mount -t tmpfs shm "$0/dev/shm"
for each in null urandom random zero; do mount --bind "/dev/$each" "$0/dev/$each"; done
exec chroot "$0" setpriv --reuid="$1" --regid="$2" --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs \
    -- "${@:3}"
"""


def ignored(path: str, patterns: Sequence[str]) -> bool:
    """Whether .dockerignore keeps this path out: the last pattern that matches it or a parent decides."""
    out = False
    parts = path.split("/")
    prefixes = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    for pattern in patterns:
        plain = pattern.removeprefix("!")
        anywhere = plain.startswith("**/")
        names = [prefix.rpartition("/")[2] for prefix in prefixes] if anywhere else prefixes
        if any(fnmatch(name, plain.removeprefix("**/")) for name in names):
            out = not pattern.startswith("!")
    return out


def context(root: Path = ROOT) -> list[str]:
    """The files that a build gets to see."""
    lines = (root / ".dockerignore").read_text().splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    tops = [top for top in root.iterdir() if not ignored(top.name, patterns)]
    files = [file for top in tops for file in (top, *top.rglob("*")) if file.is_file()]
    return sorted(path for path in (str(file.relative_to(root)) for file in files) if not ignored(path, patterns))


class Replay:
    """One build."""

    def __init__(self, base: Path, folder: Path) -> None:
        self.base, self.folder = base, folder
        self.folders: dict[str, Path] = {}
        self.seconds: list[tuple[str, float]] = []
        self.environment: dict[str, str] = {}
        self.user = "0:0"

    def build(self) -> Path:
        """Every stage; the folder of the last one."""
        stages = ours()
        for stage in stages:
            self._stage(stage, self.folder / (stage.name or "image"))
        return self.folder / (stages[-1].name or "image")

    def _stage(self, stage: Stage, root: Path) -> None:
        subprocess.run(["cp", "-a", str(self.base), str(root)], check=True)
        self.folders[stage.name] = root
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        work = "/"
        for each in stage.instructions:
            started = time.perf_counter()
            match each.name:
                case "ENV":
                    pairs = each.pairs().items()
                    self.environment |= {name: expand(value, self.environment) for name, value in pairs}
                case "WORKDIR":
                    work = each.rest
                    (root / work.lstrip("/")).mkdir(parents=True, exist_ok=True)
                case "COPY":
                    self._copy(each, root, root / work.lstrip("/"))
                case "RUN":
                    self._run(each.rest, root, work)
                case "USER":
                    self.user = each.rest
            self.seconds.append((f"{each.name} {each.rest}"[:90], round(time.perf_counter() - started, 1)))

    def _copy(self, instruction: Instruction, root: Path, work: Path) -> None:
        words = instruction.words()
        if words[0].startswith("--from="):
            made = self.folders[words[0].removeprefix("--from=")] / words[1].lstrip("/")
            subprocess.run(["cp", "-a", str(made), str(root / words[2].lstrip("/"))], check=True)
            return
        *sources, target = words
        for path in context():
            for source in sources:
                if path == source or path.startswith(f"{source}/"):
                    name = path if target == "./" else f"{target}{path.removeprefix(source)}"
                    (work / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(ROOT / path, work / name)

    def _run(self, command: str, root: Path, work: str) -> None:
        outside = {name: value for name, value in os.environ.items() if name.startswith(_VARIABLES_FROM_OUTSIDE)}
        for file in filter(os.path.exists, _FROM_OUTSIDE):
            (root / file.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, root / file.lstrip("/"))
        subprocess.run(
            ["chroot", str(root), "/bin/sh", "-ec", f"cd {work}; {command}"], check=True,
            env=outside | self.environment,
        )  # fmt: skip


def inside(image: Path, user: str, environment: dict[str, str]) -> proof.Launch:
    """How to start a program in an image: its root read-only, an empty /tmp, no capability, nothing to be gained."""
    uid, _, gid = user.partition(":")

    def launch(*arguments: str, **variables: str) -> "subprocess.Popen[str]":
        command = ["unshare", "--mount", "bash", "-ec", _INSIDE, str(image), uid, gid, "muster", *arguments]
        return subprocess.Popen(
            command, env=environment | variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip

    return launch


def tree(folder: Path) -> dict[str, Any]:
    """How large a folder is, and what its files are."""
    command = f"cd {folder} && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum"
    digest = subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout.split()[0]
    used = subprocess.run(["du", "-sm", str(folder)], capture_output=True, text=True, check=True).stdout.split()[0]
    return {"MB": int(used), "sha256": digest}


def main() -> None:
    """Build, go through, tell."""
    base, folder = map(Path, sys.argv[1:3])
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    replay = Replay(base, folder)
    image = replay.build()
    figures: dict[str, Any] = {"seconds": replay.seconds, "/opt/muster": tree(image / "opt/muster")}
    figures["through"] = proof.go_through(inside(image, replay.user, replay.environment), folder)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
