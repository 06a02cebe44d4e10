"""The software bill of materials: valid CycloneDX, with every package of the lock and every file that is vendored."""

import json
import re

import pytest
from click.testing import CliRunner
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from ops import sbom
from ops.cli import main
from tests.ops.dockerfile import ROOT


@pytest.mark.parametrize(("options", "lock"), [((), sbom.RUNTIME), (("--dev",), sbom.EVERYTHING)])
def test_the_bill_is_valid_and_has_every_package(options: tuple[str, ...], lock: str) -> None:
    told = CliRunner().invoke(main, ["sbom", *options])
    document = json.loads(told.stdout)
    text = (ROOT / lock).read_text()

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(told.stdout) is None
    packages = {one["purl"]: one for one in document["components"] if one["purl"].startswith("pkg:pypi/")}
    assert len(packages) == len(re.findall(r"^[a-z0-9].*==", text, re.MULTILINE))
    assert sum(len(one["hashes"]) for one in packages.values()) == text.count("--hash=sha256:")
    assert any(purl.startswith("pkg:pypi/psycopg@") for purl in packages)
    assert "pkg:npm/htmx.org@4.0.1" in {one["purl"] for one in document["components"]}
    assert document["dependencies"][0]["dependsOn"] == [one["bom-ref"] for one in document["components"]]


def test_it_is_the_same_each_time() -> None:
    assert sbom.document() == sbom.document()


def test_every_vendored_package_is_in_it() -> None:
    rows = re.findall(r"^\| `.*npm `([^`]+)`", sbom.VENDORED.read_text(), re.MULTILINE)

    assert {one["name"] for one in sbom.document()["components"] if one["purl"].startswith("pkg:npm/")} == set(rows)
