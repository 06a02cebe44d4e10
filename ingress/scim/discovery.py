"""What this server tells of itself (RFC 7643 §5–7, RFC 7644 §4, RFC 9865 §4): true to the letter of what it does."""

from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import groupby
from typing import Any

import msgspec

from ingress.scim import bulk, cursors, query
from ingress.scim.render import LIST_RESPONSE
from ingress.scim.schema import CORE, GROUP_CORE
from models.attributes import ENTERPRISE
from models.extension import Seen

_BASE = "https://base.invalid"
# A password or a photo is accepted and not kept, so the schema does not promise them.
_NOT_KEPT = frozenset({"password", "photos"})
_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"
Json = dict[str, Any]


@lru_cache(maxsize=256)
def documents(base: str, unique_identifier: str, seen: tuple[Seen, ...]) -> dict[str, bytes]:
    """The documents of a list, by what follows its SCIM Base URL `base` (in lower case).

    `unique_identifier` is the attribute that is unique in this list, `seen` what its IdP sent of
    extensions that the standard does not know.
    """
    schemas = {schema["id"]: schema for schema in (*_known_schemas(unique_identifier), *_seen_schemas(seen))}
    types = {kind["name"]: kind for kind in _resource_types(seen)}
    described: dict[str, Json] = {
        "ServiceProviderConfig": _service_provider_config(),
        "ResourceTypes": _listed(list(types.values())),
        "Schemas": _listed(list(schemas.values())),
        **{f"ResourceTypes/{name}": kind for name, kind in types.items()},
        **{f"Schemas/{urn}": schema for urn, schema in schemas.items()},
    }
    placeholder, own = (msgspec.json.encode(url)[1:-1] for url in (_BASE, base))
    return {path.lower(): msgspec.json.encode(one).replace(placeholder, own) for path, one in described.items()}


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
        "bulk": {
            "supported": True,
            "maxOperations": bulk.MOST_OPERATIONS,
            "maxPayloadSize": bulk.MOST_BYTES,
        },
        "filter": {"supported": True, "maxResults": query.MOST_RESULTS},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "pagination": {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": query.PAGE,
            "maxPageSize": query.MOST_RESULTS,
            "cursorTimeout": cursors.LIFETIME,
        },
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


def _resource_types(seen: Iterable[Seen]) -> list[Json]:
    urns = {kind: sorted({one.urn for one in seen if one.resource == kind.lower()}) for kind in ("User", "Group")}
    return [
        _resource_type("User", "/Users", CORE, [ENTERPRISE, *urns["User"]]),
        _resource_type("Group", "/Groups", GROUP_CORE, urns["Group"]),
    ]


def _resource_type(name: str, endpoint: str, schema: str, extensions: list[str]) -> Json:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": name,
        "name": name,
        "description": f"{name}s of this Master List's identity provider",
        "endpoint": endpoint,
        "schema": schema,
        "schemaExtensions": [{"schema": urn, "required": False} for urn in extensions],
        "meta": _meta("ResourceType", f"ResourceTypes/{name}"),
    }


@cache
def _models() -> dict[str, Json]:
    # Imported here: half a second and 37 MB, for documents that few providers ever fetch.
    from scim2_models import EnterpriseUser, Group, User

    return {model.__name__: model.to_schema().model_dump() for model in (User, EnterpriseUser, Group)}


def _known_schemas(unique_identifier: str) -> list[Json]:
    user, enterprise, group = (_copied(_models()[name]) for name in ("User", "EnterpriseUser", "Group"))
    user["attributes"] = [each for each in user["attributes"] if each["name"] not in _NOT_KEPT]
    for attribute in enterprise["attributes"]:
        _loosen(attribute)
        if attribute["name"] == unique_identifier:
            attribute["uniqueness"] = "server"
    for attribute in group["attributes"]:
        _describe_group(attribute)
    # As RFC 7643 §8.7.1 calls them; Microsoft's published tests look for the words.
    user["description"], enterprise["description"], group["description"] = "User Account", "Enterprise User", "Group"
    schemas = (user, enterprise, group)
    return [{**schema, "schemas": [_SCHEMA], "meta": _meta("Schema", f"Schemas/{schema['id']}")} for schema in schemas]


def _copied(schema: Json) -> Json:
    found: Json = msgspec.json.decode(msgspec.json.encode(schema))
    return found


def _loosen(attribute: Json) -> None:
    # A manager may come as a bare id, or with a name that the provider knows: nothing of it is required.
    for sub in attribute.get("subAttributes", []):
        sub["required"], sub["mutability"] = False, "readWrite"


def _describe_group(attribute: Json) -> None:
    if attribute["name"] == "displayName":
        attribute["uniqueness"] = "server"
        return
    # Groups inside groups are not kept, nor is a member's display name.
    attribute["subAttributes"] = [sub for sub in attribute["subAttributes"] if sub["name"] != "display"]
    for sub in attribute["subAttributes"]:
        sub["required"] = sub["name"] == "value"
        if sub["name"] == "type":
            sub["canonicalValues"] = ["User"]
        if sub["name"] == "$ref":
            sub["referenceTypes"] = ["User"]


def _seen_schemas(seen: tuple[Seen, ...]) -> list[Json]:
    """The schema of each unknown extension, as far as its values tell."""
    found = []
    for urn, attributes in groupby(sorted(seen, key=lambda one: (one.urn, one.name)), key=lambda one: one.urn):
        described = _attributes(list(attributes))
        found.append(
            {
                "schemas": [_SCHEMA],
                "id": urn,
                "name": urn.rpartition(":")[2] if not urn.lower().endswith((":user", ":group")) else urn.split(":")[-3],
                "description": "An extension that this list's identity provider sends; kept and served as it comes",
                "attributes": described,
                "meta": _meta("Schema", f"Schemas/{urn}"),
            }
        )
    return found


def _attributes(seen: list[Seen]) -> list[Json]:
    """Attributes with their parts; of names that differ in case alone, the first."""
    described = {one.name.lower(): _described(one) for one in reversed(seen)}
    for name, one in described.items():
        holder, _, sub = name.rpartition(".")
        if sub and holder in described:
            described[holder].setdefault("subAttributes", []).insert(0, one)
    return [one for name, one in reversed(described.items()) if "." not in name]


def _described(one: Seen) -> Json:
    return {
        "name": one.name.rpartition(".")[2],
        "type": one.type,
        "multiValued": one.multi_valued,
        "description": "",
        "required": False,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
    }
