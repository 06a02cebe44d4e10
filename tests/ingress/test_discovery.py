"""What the server tells of itself is true of what it does."""

import json
from typing import Any

import pytest

from ingress.scim import discovery, intake
from tests.factories import ENTERPRISE, USER

BASE = "https://h.example/scim/v2/abc"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


def document(path: str, base: str = BASE) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(discovery.documents(base)[path])
    return decoded


def test_the_service_provider_config_promises_only_what_is_there() -> None:
    config = document("ServiceProviderConfig")

    supported = {name for name, part in config.items() if isinstance(part, dict) and part.get("supported")}
    assert supported == {"patch", "filter"}
    assert config["filter"]["maxResults"] == 200
    assert [scheme["type"] for scheme in config["authenticationSchemes"]] == ["oauthbearertoken"]


@pytest.mark.parametrize("kind", ["User", "Group"])
def test_each_resource_type_is_listed_and_served_alone(kind: str) -> None:
    alone = document(f"ResourceTypes/{kind}")

    assert alone["endpoint"] == f"/{kind}s"
    assert alone in document("ResourceTypes")["Resources"]


@pytest.mark.parametrize("urn", [USER, ENTERPRISE, GROUP])
def test_each_schema_is_listed_and_served_alone(urn: str) -> None:
    alone = document(f"Schemas/{urn}")

    assert alone["id"] == urn
    assert alone["meta"] == {"resourceType": "Schema", "location": f"{BASE}/Schemas/{urn}"}
    assert alone in document("Schemas")["Resources"]


def test_the_user_schema_has_what_is_kept_and_nothing_else() -> None:
    attributes = {each["name"]: each for each in document(f"Schemas/{USER}")["attributes"]}
    writable = {name for name, each in attributes.items() if each["mutability"] == "readWrite"}
    body = {
        name: {"formatted": "x"} if name == "name" else [{"type": "x"}] if attributes[name]["multiValued"] else "true"
        for name in writable
    }

    kept = intake.user(body)

    assert kept.keys() - {"schemas"} == writable
    assert not {"password", "photos"} & attributes.keys()


def test_groups_are_read_only_for_now() -> None:
    assert {each["mutability"] for each in document(f"Schemas/{GROUP}")["attributes"]} == {"readOnly"}


def test_each_list_gets_its_own_locations() -> None:
    other = document("ResourceTypes/User", "https://other.example/scim/v2/xyz")

    assert other["meta"]["location"] == "https://other.example/scim/v2/xyz/ResourceTypes/User"
    assert b"invalid" not in b"".join(discovery.documents(BASE).values()).replace(b"invalidValue", b"")
