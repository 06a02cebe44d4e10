"""Whatever a body or a query holds, it is understood or refused: nothing else is ever raised."""

import asyncio
import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.testing import TestClient

from ingress import http
from ingress.app import build
from ingress.scim import errors, intake, patch, projection, query, schema
from ingress.scim.conditions import Compiler
from models.errors import Refused
from models.search import Sql
from ops.settings import Settings
from tests.factories import ENTERPRISE, USER

BADGE = "urn:ietf:params:scim:schemas:extension:Custom:2.0:User"

patiently = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])

TEXT = st.text(alphabet='aA1 @."\\[]():,\x00é\ud800İ', max_size=8)
ATTRIBUTES = [
    *("userName", "active", "externalId", "id", "name", "name.givenName", "emails", "phoneNumbers", "addresses"),
    *("manager", "manager.value", "password", "roles", "groups", "meta", "photos", "title", "department"),
    *("employeeNumber", "x", "value", "type", "primary", "$ref"),
]
URNS = [USER, ENTERPRISE, BADGE, f"{ENTERPRISE}:manager", f"{ENTERPRISE}.manager", f"{USER}.title", "urn:a:b", "urn:"]
WHERES = ['type eq "work"', 'primary eq "True"', "primary eq true", 'type ne "x"', "value pr", 'value eq "1"', "((", ""]
NAMES = st.sampled_from(ATTRIBUTES + URNS + [f"{BADGE}:badge", f"{BADGE}:badge.code"])
PATHS = (
    NAMES
    | TEXT
    | st.tuples(NAMES, st.sampled_from(WHERES), st.sampled_from(["", ".value", ".primary", ".type", ".x", "."])).map(
        lambda part: f"{part[0]}[{part[1]}]{part[2]}"
    )
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.integers(min_value=2**62, max_value=2**70)
    | TEXT
    | st.sampled_from(["True", "false", "x@y.example"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | TEXT, inner, max_size=4),
    max_leaves=12,
)
ELEMENTS = st.fixed_dictionaries(
    {}, optional={"value": TEXT, "type": st.sampled_from(["work", "home", "Work"]), "primary": st.booleans()}
)
DOCUMENTS = st.fixed_dictionaries(
    {"userName": st.just("mila")},
    optional={
        "emails": st.lists(ELEMENTS, max_size=3),
        "manager": st.sampled_from(["7", {"value": "7", "displayName": "Pia"}]),
        "name": st.just({"givenName": "Mila"}),
        BADGE: st.just({"badge": 7, "tags": [{"type": "a"}, "b"]}),
        "urn:a:b": st.just({"c": "d"}),
    },
).map(intake.user)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "Replace", "REMOVE", "remove"])},
    optional={"path": PATHS | SCALARS, "value": VALUES | st.dictionaries(PATHS, VALUES, max_size=3)},
)


def sound(value: Any) -> bool:
    """Whether nothing in it is empty, and no name in it is a password."""
    if isinstance(value, dict):
        return bool(value) and all(name.lower() != "password" and sound(inner) for name, inner in value.items())
    if isinstance(value, list):
        return bool(value) and all(map(sound, value))
    return value is not None and value != ""


def whole(document: dict[str, Any]) -> bool:
    """Whether a document keeps its promises, and would be the same if it were sent."""
    assert document["userName"].strip()
    assert isinstance(document.get("active", True), bool)
    assert sound(document)
    assert not {"id", "meta", "groups", "photos"} & document.keys()
    return intake.user(document) == {"active": True, **document}


def attempt(step: Callable[[], Any]) -> Any:
    """What a step comes to: its result, or a refusal that can be rendered."""
    try:
        return step()
    except Refused as refusal:
        return msgspec.json.decode(errors.body(refusal))["status"] == "400" and refusal


@patiently
@given(st.binary(max_size=60) | TEXT.map(lambda text: f'{{"{text}":"{text}"}}'.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_loaded_or_refused(body: bytes) -> None:
    assert isinstance(attempt(lambda: intake.load(body)), dict | Refused)


@patiently
@given(st.dictionaries(NAMES | TEXT, VALUES, max_size=6))
def test_any_object_becomes_a_sound_document_or_is_refused(body: dict[str, Any]) -> None:
    document = attempt(lambda: intake.user({"userName": "mila", **body}))

    assert isinstance(document, Refused) or whole(document)


@patiently
@given(DOCUMENTS, st.lists(OPERATIONS, min_size=1, max_size=4))
def test_any_operations_leave_a_sound_document_or_are_refused(
    document: dict[str, Any], operations: list[dict[str, Any]]
) -> None:
    before = copy.deepcopy(document)

    patched = attempt(lambda: patch.apply(patch.parse({"Operations": operations}), document))

    assert isinstance(patched, Refused) or whole(patched)
    assert document == before


@patiently
@given(st.dictionaries(NAMES | TEXT, VALUES, max_size=3) | st.fixed_dictionaries({"Operations": VALUES}))
def test_any_patch_body_is_parsed_or_refused(body: dict[str, Any]) -> None:
    assert isinstance(attempt(lambda: patch.parse(body)), patch.Patch | Refused)


FILTERS = st.lists(
    st.sampled_from(
        ["userName", "emails", "id", "eq", "EQ", "ne", "pr", "and", "or", "not", "(", ")", "[", "]", '"x"', "x", "true"]
        + ['emails[type eq "work"].value', ".value", "1", f"{USER}:userName", '"\\u0000"', '"\\ud800"', '"']
    ),
    max_size=8,
).map(" ".join)


@patiently
@given(FILTERS | TEXT, st.sampled_from([schema.USER, schema.GROUP]))
def test_any_filter_is_compiled_or_refused(text: str, of: schema.Schema) -> None:
    compiler = Compiler("abc", of, lambda urn, name: True)

    found = attempt(lambda: compiler.condition(query.parse(text)))

    assert isinstance(found, Sql) or found.scim_type in ("invalidFilter", "tooMany")
    assert not isinstance(found, Sql) or found.text.count("%s") == len(found.parameters)


@patiently
@given(st.binary(max_size=40))
def test_any_query_string_is_read(query_string: bytes) -> None:
    parameters = query.parameters(query_string)

    assert all(name == name.lower() for name in parameters)


@patiently
@given(st.dictionaries(st.sampled_from(["startindex", "count"]), TEXT | st.integers().map(str)))
def test_any_page_is_within_bounds_or_refused(parameters: dict[str, str]) -> None:
    page = attempt(lambda: query.page(parameters))

    assert isinstance(page, Refused) or (1 <= page.start_index <= 2**31 - 1 and 0 <= page.count <= 1000)


@patiently
@given(DOCUMENTS, st.lists(NAMES | TEXT, max_size=3), st.lists(NAMES | TEXT, max_size=3))
def test_any_projection_keeps_id_and_schemas(document: dict[str, Any], wanted: list[str], excluded: list[str]) -> None:
    resource = {"id": "1", **document}

    projected = projection.project(resource, ",".join(wanted), ",".join(excluded))

    assert projected["id"] == "1"
    assert projected["schemas"] == document["schemas"]
    assert projected.keys() <= resource.keys()


def test_a_length_of_any_number_of_digits_is_too_large() -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    with pytest.raises(Refused, match="10 is the most"):
        asyncio.run(http.read_body({b"content-length": b"9" * 5000}, receive, 10, lambda size: None))


@pytest.mark.parametrize("host", ["a b", "a/b"])
def test_an_unreadable_host_is_refused_with_one_status(database_url: str, host: str) -> None:
    application = build(Settings(database_url=database_url, redis_url="redis://127.0.0.1:1/0", log_level="error"))
    with TestClient(application, raise_server_exceptions=False) as client:
        answer = client.get("/scim/v2/abcdefghij/Users", headers={"Host": host})

    assert (answer.status_code, answer.json()["status"]) == (400, "400")
    assert "Host" in answer.json()["detail"]
