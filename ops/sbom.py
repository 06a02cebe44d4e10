"""What Muster is made of, as a software bill of materials (CycloneDX 1.6): from the lock, which has every version and
hash, and from the list of files that are vendored."""

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

ROOT = Path(__file__).resolve().parents[1]
RUNTIME, EVERYTHING = "requirements.runtime.lock", "requirements.lock"  # what an image needs, and tests besides
VENDORED = ROOT / "ingress" / "console" / "static" / "VENDORED.md"
_PINNED = re.compile(r"^([a-z0-9.-]+)(?:\[[a-z0-9,-]+\])?==([^\s;\\]+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_FILE = re.compile(r"^\| `[^|]+` \| npm `([^`]+)`[^|]*\| ([^ |]+) \| ([^ |]+) \|$", re.MULTILINE)
Component = dict[str, Any]


def document(lock: str = RUNTIME) -> dict[str, Any]:
    """The bill. The same lock makes the same one, without a date: it can be compared."""
    text = (ROOT / lock).read_text()
    version = metadata.version("muster")
    components = sorted((*_pinned(text), *_vendored(VENDORED.read_text())), key=lambda one: str(one["bom-ref"]))
    root = f"muster@{version}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, root + text)}",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": root, "name": "muster", "version": version}},
        "components": components,
        "dependencies": [{"ref": root, "dependsOn": [one["bom-ref"] for one in components]}],
    }


def _pinned(text: str) -> Iterator[Component]:
    """The packages of a lock. Its hashes are those of every wheel and archive of the version."""
    ends = [*(found.start() for found in _PINNED.finditer(text)), len(text)]
    for found, end in zip(_PINNED.finditer(text), ends[1:], strict=True):
        name, version = found.groups()
        hashes = _HASH.findall(text, found.end(), end)
        yield {
            **_component(f"pkg:pypi/{name}@{version}", name, version),
            "hashes": [{"alg": "SHA-256", "content": one} for one in hashes],
        } | _licence(name, version)


def _licence(name: str, version: str) -> dict[str, Any]:
    """As the package says, where that very version is installed (SPDX expression, PEP 639)."""
    try:
        found = dict(metadata.metadata(name).json)
    except metadata.PackageNotFoundError:
        return {}
    expression = found.get("license_expression")
    return {"licenses": [{"expression": expression}]} if expression and found["version"] == version else {}


def _vendored(text: str) -> Iterator[Component]:
    """The packages that files of the console were taken from."""
    for name, version, licence in dict.fromkeys(_FILE.findall(text)):
        reference = f"pkg:npm/{name.replace('@', '%40')}@{version}"
        yield {**_component(reference, name, version), "licenses": [{"license": {"id": licence}}]}


def _component(reference: str, name: str, version: str) -> Component:
    return {"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference}
