"""The OpenAPI 3.1 document: made of the same declarations as the routes, so that the two cannot differ."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

import msgspec
from msgspec import Struct

from ingress.api.operation import ROOT, Operation
from ingress.api.problems import KINDS, MEDIA_TYPE
from ingress.api.samples import GROUP_ID, LIST_ID, OTHER_ID, PERSON_ID
from ingress.api.table import OPERATIONS

REF = "#/components/schemas/{name}"
ABOUT = """Everything that the console does, for scripts: lists and their people, what fills them, and what came of it.

Send an API key as `Authorization: Bearer msk_…`. Keys are made in the console (Organisation, API keys) or with \
`muster api-key create`; each belongs to one organisation and either reads or reads and writes.

Lists have pages: send `next_cursor` of an answer as `cursor` of the next request, or follow the Link header. Answers \
with an ETag can be changed safely by sending it back as If-Match. Unsafe requests take an Idempotency-Key: the same \
request sent again within 24 hours gets the same answer, and is done once.

Refusals are problem details (RFC 9457): `detail` says in a sentence what is wrong and what to do, `errors` where."""
# What any operation may answer, besides those of its own.
ALWAYS = ("malformed", "unauthenticated", "rate-limit", "unavailable", "internal")
WITH_BODY = ("too-large", "media-type", "invalid")
CHANGES = ("forbidden", "in-flight", "key-reused", "not-kept")
STATUSES = sorted({kind.status for kind in KINDS.values()})
IDS = {
    "list_id": (LIST_ID, "The list."), "person_id": (PERSON_ID, "The person."),
    "token_id": (OTHER_ID, "The bearer token."), "entry_id": ("48213", "The entry of the log."),
    "connection_id": (OTHER_ID, "The directory connection."), "run_id": (OTHER_ID, "The run."),
    "group_id": (GROUP_ID, "The group."), "import_id": (OTHER_ID, "The import."),
    "prefix": ("msk_a1B2c3D4", "The key's first twelve characters."),
    "key": ("house", "The field's key."), "session_id": (OTHER_ID, "The session."),
}  # fmt: skip


class Error(Struct, kw_only=True, omit_defaults=True):
    """What is wrong in one place of the request."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Problem(Struct, kw_only=True, omit_defaults=True):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[Error] = []


@cache
def encoded() -> bytes:
    """The document, once a process."""
    return msgspec.json.encode(document(OPERATIONS))


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The document of these operations."""
    named = [one for each in operations for one in (each.body, each.answer) if one is not None]
    _, schemas = msgspec.json.schema_components([Problem, *dict.fromkeys(named)], ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(ROOT + one.path, {})[one.method.lower()] = _operation(one)
    nouns = dict.fromkeys(one.noun for one in operations)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {"title": "Muster admin API", "version": version("muster"), "description": ABOUT},
        "servers": [{"url": "/", "description": "Wherever the console is."}],
        "tags": [{"name": noun} for noun in nouns],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "bearerFormat": "msk_…", "description": "An API key."}
            },
            "headers": _HEADERS,
            "responses": {f"Problem{status}": _problem(status) for status in STATUSES},
        },
    }  # fmt: skip


_HEADERS = {
    "RateLimit": {"schema": {"type": "string"}, "description": "What is left of the key's requests.",
                  "example": '"key";r=599;t=1'},
    "RateLimitPolicy": {"schema": {"type": "string"}, "description": "How many a minute it has.",
                        "example": '"key";q=600;w=60'},
    "RequestId": {"schema": {"type": "string"}, "description": "Finds the request in our logs.",
                  "example": "4f1c0a9d2b7e4c3f8a6d5e0b1c2d3e4f"},
    "Link": {"schema": {"type": "string"}, "description": "The next page (RFC 8288), where there is one.",
             "example": '<?cursor=WyJwZW9wbGUiLCJhIl0>; rel="next"'},
    "ETag": {"schema": {"type": "string"}, "description": "The version of what is answered.", "example": '"7"'},
    "Location": {"schema": {"type": "string"}, "description": "Where what was made is.",
                 "example": f"/api/v1/lists/{LIST_ID}"},
    "RetryAfter": {"schema": {"type": "integer"}, "description": "Seconds to wait.", "example": 1},
}  # fmt: skip


def _operation(one: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": one.name, "tags": [one.noun], "summary": one.summary,
        "description": one.description or f"{one.summary}.", "parameters": [*_parameters(one)],
        "responses": {str(one.status): _success(one), **_refusals(one)},
        "x-scope": "write" if one.changes else "read",
    }  # fmt: skip
    if one.takes is not None:
        file = {"schema": {"type": "string"}, "example": one.given}
        told["requestBody"] = {"required": True, "content": {one.takes: file}}
    if one.body is not None:
        content: dict[str, Any] = {"schema": {"$ref": REF.format(name=one.body.__name__)}, "example": one.given}
        told["requestBody"] = {"required": True, "content": {"application/json": content}}
    return told


def _parameters(one: Operation) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "description": IDS[name][1], "schema": {"type": "string"},
         "example": IDS[name][0]}
        for name in one.ids
    ]  # fmt: skip
    if one.query is not None:
        found += _of_query(one.query)
    if one.changes:
        found.append(
            {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 257},
             "description": "Sent again within 24 hours, the request is answered as before and not done again.",
             "example": '"8e03978e-40d5-43e8-bc93-6894a57f9324"'}
        )  # fmt: skip
    if one.takes_version:
        found.append(
            {"name": "If-Match", "in": "header", "schema": {"type": "string"}, "example": '"7"',
             "required": "no-version" in one.problems, "description": "The ETag of what was read."}
        )  # fmt: skip
    return found


def _of_query(query: type[Struct]) -> list[dict[str, Any]]:
    _, components = msgspec.json.schema_components([query], ref_template=REF)
    found = []
    for name, told in components[query.__name__]["properties"].items():
        schema = {key: value for key, value in told.items() if key not in ("description", "default")}
        if "anyOf" in schema:
            # A parameter that is not sent is none: null cannot be.
            [schema] = [each for each in schema["anyOf"] if each.get("type") != "null"]
            told = {**told, "description": told.get("description") or schema.get("description", "")}
            schema = {key: value for key, value in schema.items() if key != "description"}
        if "enum" in schema:
            schema["type"] = "string"
        if told.get("default") is not None:
            schema["default"] = told["default"]
        found.append({"name": name, "in": "query", "description": told.get("description", ""), "schema": schema})
    return found


def _success(one: Operation) -> dict[str, Any]:
    names = {"RateLimit": "RateLimit", "RateLimit-Policy": "RateLimitPolicy", "X-Request-ID": "RequestId"}
    if one.tagged:
        names["ETag"] = "ETag"
    if one.paged:
        names["Link"] = "Link"
    if one.status == 201:
        names["Location"] = "Location"
    answer: dict[str, Any] = {
        "description": "Done." if one.status == 204 else f"{one.summary}: done.",
        "headers": {name: {"$ref": f"#/components/headers/{held}"} for name, held in names.items()},
    }
    if one.answer is not None:
        schema: dict[str, Any] = {"$ref": REF.format(name=one.answer.__name__)}
        answer["content"] = {"application/json": {"schema": schema, "example": msgspec.to_builtins(one.sample)}}
    if one.files:
        answer["content"] = {kind: {"schema": {"type": "string"}, "example": text} for kind, text in one.files.items()}
    return answer


def _refusals(one: Operation) -> Mapping[str, Any]:
    kinds = {
        *ALWAYS, *one.problems, *(WITH_BODY if one.body is not None or one.takes else ()),
        *((*CHANGES, "invalid", "conflict") if one.changes else ()),
    }  # fmt: skip
    return {
        str(status): {"$ref": f"#/components/responses/Problem{status}"}
        for status in sorted({KINDS[kind].status for kind in kinds})
    }


def _problem(status: int) -> dict[str, Any]:
    kinds = {name: kind for name, kind in KINDS.items() if kind.status == status}
    name, kind = next(iter(kinds.items()))
    example = Problem(
        type=f"/api/v1/docs#problem-{name}", title=kind.title, status=status, detail=kind.explains,
        request_id="4f1c0a9d2b7e4c3f8a6d5e0b1c2d3e4f",
    )  # fmt: skip
    told: dict[str, Any] = {
        "description": " Or: ".join(each.explains for each in kinds.values()),
        "content": {
            MEDIA_TYPE: {"schema": {"$ref": REF.format(name="Problem")}, "example": msgspec.to_builtins(example)}
        },
    }
    if status in (429, 503):
        told["headers"] = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
    return told
