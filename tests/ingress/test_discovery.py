"""What the server tells of itself is true of what it does."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ingress.scim import discovery, intake, schema
from ingress.scim.attributes import Compared, column
from models.extension import Seen
from tests.factories import ENTERPRISE, USER

BASE = "https://h.example/scim/v2/abc"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
BADGE = "urn:ietf:params:scim:schemas:extension:Custom:2.0:User"
SEEN = (Seen("user", BADGE, "badge", "integer", False), Seen("user", BADGE, "skills", "string", True))


def document(path: str, base: str = BASE) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(discovery.documents(base, "userName", SEEN)[path.lower()])
    return decoded


def test_the_service_provider_config_promises_only_what_is_there() -> None:
    config = document("ServiceProviderConfig")

    supported = {name for name, part in config.items() if isinstance(part, dict) and part.get("supported")}
    assert supported == {"patch", "bulk", "filter", "sort", "etag"}
    assert config["filter"]["maxResults"] == 1000
    assert config["bulk"] == {"supported": True, "maxOperations": 1000, "maxPayloadSize": 1048576}
    assert config["pagination"]["cursor"]
    assert config["pagination"]["index"]
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


def test_a_group_is_named_uniquely_and_has_users_as_members() -> None:
    attributes = {each["name"]: each for each in document(f"Schemas/{GROUP}")["attributes"]}
    subs = {each["name"]: each for each in attributes["members"]["subAttributes"]}

    assert (attributes["displayName"]["required"], attributes["displayName"]["uniqueness"]) == (True, "server")
    assert subs.keys() == {"value", "$ref", "type"}
    assert subs["type"]["canonicalValues"] == ["User"]


def test_the_unique_identifier_of_the_list_is_published_as_unique() -> None:
    found = json.loads(discovery.documents(BASE, "employeeNumber", ())[f"schemas/{ENTERPRISE}".lower()])

    unique = {each["name"]: each["uniqueness"] for each in found["attributes"]}
    assert unique["employeeNumber"] == "server"
    assert unique["department"] == "none"


def test_an_extension_that_was_seen_is_described_and_part_of_its_resource_type() -> None:
    described = {
        each["name"]: (each["type"], each["multiValued"]) for each in document(f"Schemas/{BADGE}")["attributes"]
    }

    assert described == {"badge": ("integer", False), "skills": ("string", True)}
    assert {"schema": BADGE, "required": False} in document("ResourceTypes/User")["schemaExtensions"]


@pytest.mark.parametrize("of", [schema.USER, schema.GROUP], ids=lambda of: of.name)
def test_what_is_published_can_be_filtered_in_the_case_that_is_published(of: schema.Schema) -> None:
    owners = [urn for urn in of.owners]
    published = {
        name: one.get("caseExact", False)
        for urn in owners
        for name, one in flat(document(f"Schemas/{urn}")["attributes"])
        if one["type"] != "complex"
    }
    exact = {
        name: found.compared in (Compared.EXACT, Compared.BINARY, Compared.ID)
        for name in published
        if (found := column(name, of)) is not None and found.compared is not Compared.BOOLEAN
    }

    assert {name for name in published if column(name, of) is None} <= {"groups.$ref", "members.$ref"}
    assert exact == {name: published[name] for name in exact}


def flat(attributes: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Attributes and their parts, by path."""
    for one in attributes:
        yield one["name"], one
        for sub in one.get("subAttributes") or []:
            yield f"{one['name']}.{sub['name']}", sub


def test_each_list_gets_its_own_locations() -> None:
    other = document("ResourceTypes/User", "https://other.example/scim/v2/xyz")

    assert other["meta"]["location"] == "https://other.example/scim/v2/xyz/ResourceTypes/User"
    assert b"invalid" not in b"".join(discovery.documents(BASE, "userName", SEEN).values()).replace(
        b"invalidValue", b""
    )
