"""The OpenAPI document and the page that is drawn of it: whole, valid, with examples that are what they show."""

import re
from html import unescape
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import schemathesis
from litestar import Litestar
from litestar.testing import TestClient

from ingress.api import docs, openapi
from ingress.api.operation import ROOT, Operation
from ingress.api.problems import KINDS
from ingress.api.table import OPERATIONS
from tests.ingress.api.conftest import Caller

DOCUMENT: dict[str, Any] = msgspec.json.decode(openapi.encoded())
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=[one.name for one in OPERATIONS])


def told(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][ROOT + operation.path][operation.method.lower()]
    return found


def fits(name: str, value: Any) -> None:
    """A value is what a schema of the document says, no member more."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    jsonschema_rs.validate(schema, value)


def test_the_document_is_valid_openapi() -> None:
    schema = schemathesis.openapi.from_dict(DOCUMENT)

    schema.validate()
    assert DOCUMENT["openapi"] == "3.1.0"
    assert len(list(schema.get_all_operations())) == len(OPERATIONS)


@every_operation
def test_an_operation_says_what_it_is_and_has_examples(operation: Operation) -> None:
    one = told(operation)

    assert one["operationId"] == operation.name
    assert len(one["summary"]) > 5
    assert {"401", "429", "503"} <= one["responses"].keys()
    if operation.body is not None:
        sent = one["requestBody"]["content"]["application/json"]["example"]
        assert isinstance(msgspec.convert(sent, operation.body), operation.body)
        fits(operation.body.__name__, sent)
    if operation.takes:
        assert one["requestBody"]["content"] == {
            operation.takes: {"schema": {"type": "string"}, "example": operation.given}
        }
        assert len(operation.given) > 20
    if operation.files:
        sent = one["responses"]["200"]["content"]
        assert {kind: told["example"] for kind, told in sent.items()} == operation.files
    if operation.answer is not None:
        answered = one["responses"][str(operation.status)]["content"]["application/json"]["example"]
        assert isinstance(operation.sample, operation.answer)
        fits(operation.answer.__name__, answered)


@every_operation
def test_every_parameter_and_member_is_described_or_speaks_for_itself(operation: Operation) -> None:
    for one in told(operation)["parameters"]:
        assert one["description"], one["name"]
        assert one["schema"]["type"]
    assert {one["name"] for one in told(operation)["parameters"] if one["in"] == "path"} == set(operation.ids)


def test_names_are_unique_and_every_schema_says_what_it_is() -> None:
    assert len({one.name for one in OPERATIONS}) == len(OPERATIONS)
    assert all(schema.get("description") for schema in DOCUMENT["components"]["schemas"].values())


def test_the_document_and_its_page_are_served_without_a_key_from_here_alone(application: TestClient[Litestar]) -> None:
    served = application.get("/api/v1/openapi.json")
    page = application.get("/api/v1/docs")

    assert served.json() == DOCUMENT
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"(src|href)=\"(https?:)?//", page.text)
    assert " style=" not in page.text
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        assert application.get(path).status_code == 200
    for one in OPERATIONS:
        assert f'id="{one.name}"' in page.text
    for kind in KINDS:
        assert f'id="problem-{kind}"' in page.text
    anchors = set(re.findall(r'href="#([^"]+)"', page.text))
    assert anchors <= set(re.findall(r'id="([^"]+)"', page.text))


def test_the_page_is_searched_on_the_server(application: TestClient[Litestar]) -> None:
    found = application.get("/api/v1/docs?q=revoke+key").text
    nothing = application.get("/api/v1/docs?q=%3Cscript%3E").text

    assert 'id="revoke_api_key"' in found
    assert 'id="list_people"' not in found
    assert "No operation matches “&lt;script&gt;”" in nothing


def test_examples_name_this_installation_and_a_new_idempotency_key(application: TestClient[Litestar]) -> None:
    page = unescape(application.get("/api/v1/docs").text)

    assert "curl http://127.0.0.1:8080/api/v1/lists \\\n" in page
    assert docs.HOST not in page
    assert page.count('"Idempotency-Key: $(uuidgen)"') == sum(one.changes for one in OPERATIONS)


def test_what_there_is_not_is_a_problem_too(application: TestClient[Litestar]) -> None:
    nowhere = application.get("/api/v1/nowhere")
    method = application.request("PUT", "/api/v1/lists")

    assert (nowhere.status_code, nowhere.json()["type"]) == (404, "/api/v1/docs#problem-not-found")
    assert (method.status_code, method.json()["type"]) == (405, "/api/v1/docs#problem-method")
    assert {"GET", "POST"} <= set(method.headers["allow"].split(", "))


def test_a_head_is_answered_as_its_get_without_the_body(caller: Caller) -> None:
    read, head = (caller.ask(method, "/lists/L/people?limit=1") for method in ("GET", "HEAD"))

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == read.headers["content-length"]
