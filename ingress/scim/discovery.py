"""What this server tells of itself (RFC 7643 §5–7, RFC 7644 §4): built once, served as bytes."""

from functools import cache, lru_cache
from typing import Any

import msgspec

from ingress.scim.query import MOST_RESULTS
from ingress.scim.render import LIST_RESPONSE
from ingress.scim.schema import CORE, GROUP
from models.attributes import ENTERPRISE

_BASE = "https://base.invalid"
# A password or a photo is accepted and not kept, so the schema does not promise them.
_NOT_KEPT = frozenset({"password", "photos"})
Json = dict[str, Any]


@lru_cache(maxsize=256)
def documents(base: str) -> dict[str, bytes]:
    """The documents of a list by what follows its SCIM Base URL `base`."""
    placeholder, own = (msgspec.json.encode(url)[1:-1] for url in (_BASE, base))
    return {path: document.replace(placeholder, own) for path, document in _templates().items()}


@cache
def _templates() -> dict[str, bytes]:
    schemas = {schema["id"]: schema for schema in _schemas()}
    types = {kind["name"]: kind for kind in _resource_types()}
    described: dict[str, Json] = {
        "ServiceProviderConfig": _service_provider_config(),
        "ResourceTypes": _listed(list(types.values())),
        "Schemas": _listed(list(schemas.values())),
        **{f"ResourceTypes/{name}": kind for name, kind in types.items()},
        **{f"Schemas/{urn}": schema for urn, schema in schemas.items()},
    }
    return {path: msgspec.json.encode(document) for path, document in described.items()}


def _listed(resources: list[Json]) -> Json:
    return {
        "schemas": [LIST_RESPONSE],
        "totalResults": len(resources),
        "startIndex": 1,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


def _meta(kind: str, path: str) -> Json:
    return {"resourceType": kind, "location": f"{_BASE}/{path}"}


def _service_provider_config() -> Json:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST_RESULTS},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": False},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "A bearer token of this Master List, in the Authorization header",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": True,
            }
        ],
        "meta": _meta("ServiceProviderConfig", "ServiceProviderConfig"),
    }


def _resource_types() -> list[Json]:
    return [
        _resource_type("User", "/Users", CORE, [{"schema": ENTERPRISE, "required": False}]),
        _resource_type("Group", "/Groups", GROUP, []),
    ]


def _resource_type(name: str, endpoint: str, schema: str, extensions: list[Json]) -> Json:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": name,
        "name": name,
        "description": f"{name}s of this Master List's identity provider",
        "endpoint": endpoint,
        "schema": schema,
        "schemaExtensions": extensions,
        "meta": _meta("ResourceType", f"ResourceTypes/{name}"),
    }


def _schemas() -> list[Json]:
    # Imported here: half a second and 37 MB, for documents that few providers ever fetch.
    from scim2_models import EnterpriseUser, Group, User

    user, enterprise, group = (model.to_schema().model_dump() for model in (User, EnterpriseUser, Group))
    user["attributes"] = [each for each in user["attributes"] if each["name"] not in _NOT_KEPT]
    for attribute in group["attributes"]:
        _make_read_only(attribute)
    for attribute in enterprise["attributes"]:
        _loosen(attribute)
    return [{**schema, "meta": _meta("Schema", f"Schemas/{schema['id']}")} for schema in (user, enterprise, group)]


def _make_read_only(attribute: Json) -> None:
    # Groups can be read, and nothing can be written to them yet.
    attribute["mutability"] = "readOnly"
    for sub in attribute.get("subAttributes", []):
        sub["mutability"] = "readOnly"


def _loosen(attribute: Json) -> None:
    # A manager may come as a bare id, or with a name that the provider knows: nothing of it is required.
    for sub in attribute.get("subAttributes", []):
        sub["required"], sub["mutability"] = False, "readWrite"
