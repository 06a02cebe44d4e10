"""The container and Kubernetes files as data."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from ops.settings import PREFIX, SECRETS, Settings
from tests.ops.dockerfile import ROOT

Document = dict[str, Any]

KUBERNETES = ROOT / "ops" / "kubernetes"
COMPOSE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / ".env.example"
SETTINGS = {PREFIX + name.upper() for name in (*Settings.__struct_fields__, *(f"{secret}_file" for secret in SECRETS))}

_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
_PINNED = re.compile(r"[\w./-]+:v?\d[\w.-]*(@sha256:[0-9a-f]{64})?")


def variables(text: str) -> Iterator[tuple[str, str, str]]:
    """Each variable of a Compose file with what holds where it is not set: "-" and a default, or "?" and a sentence."""
    yield from _VARIABLE.findall(text)


def asked() -> list[str]:
    """The variables of .env.example that have to be filled in."""
    return re.findall(r"^(\w+)=$", EXAMPLE.read_text(), re.MULTILINE)


def compose() -> Document:
    """docker-compose.yml as it is with a value for each variable that has none: the variable's name."""
    text = _VARIABLE.sub(lambda found: found[3] if found[2] == "-" else found[1].lower(), COMPOSE.read_text())
    found: Document = yaml.safe_load(text)
    return found


def services() -> dict[str, Document]:
    """The services by name."""
    found: dict[str, Document] = compose()["services"]
    return found


def kubernetes(pattern: str = "*.yaml") -> list[Document]:
    """Every document of the folder's files."""
    files = sorted(KUBERNETES.glob(pattern))
    return [each for file in files for each in yaml.safe_load_all(file.read_text())]


def of_kind(*kinds: str) -> list[Document]:
    """Those of these kinds."""
    return [each for each in kubernetes() if each["kind"] in kinds]


def pods() -> dict[str, Document]:
    """The pod templates by the name of what makes them."""
    found = {each["metadata"]["name"]: each["spec"] for each in of_kind("Deployment", "Job")}
    found |= {each["metadata"]["name"]: each["spec"]["jobTemplate"]["spec"] for each in of_kind("CronJob")}
    return {name: spec["template"] for name, spec in found.items()}


def containers() -> dict[str, Document]:
    """The one container of each."""
    return {name: pod["spec"]["containers"][0] for name, pod in pods().items()}


def environment(container: Document) -> dict[str, str]:
    """What a container is told itself."""
    return {each["name"]: each["value"] for each in container.get("env", ())}


def pinned(image: str) -> bool:
    """Whether an image has a tag that begins with a version."""
    return _PINNED.fullmatch(image) is not None
