"""The API's description: the OpenAPI document, and the page that is drawn from it."""

import json
from functools import cache
from typing import Any

from litestar import Request, Response, route
from markupsafe import Markup, escape

from ingress.api import openapi
from ingress.api.operation import ROOT
from ingress.api.problems import KINDS
from ingress.console.app import HEADERS
from ingress.console.pages import render

Call = Request[Any, Any, Any]
LONGEST_SEARCH = 100  # characters
HOST = "https://muster.example"  # of examples, until it is known who asks
# Nothing of it is secret, and it changes with a version of Muster alone.
CACHED = {"Cache-Control": "public, max-age=300"}


@route(f"{ROOT}/openapi.json", http_method=["GET", "HEAD"], sync_to_thread=False)
def openapi_document() -> Response[bytes]:
    """The document."""
    return Response(openapi.encoded(), media_type="application/json", headers={**CACHED, **HEADERS})


@route(f"{ROOT}/docs", http_method=["GET", "HEAD"], sync_to_thread=False)
def docs_page(request: Call) -> Response[str]:
    """The page: every operation, or those that have the words of `q`."""
    search = request.query_params.get("q", "").strip()[:LONGEST_SEARCH]
    page = _page() if not search else _render(search)
    office = request.app.state.office
    page = page.replace(HOST, office.settings.console_url or office.root_of(request.scope))
    return Response(page, media_type="text/html", headers={**CACHED, **HEADERS})


@cache
def _page() -> str:
    return _render("")


def _render(search: str) -> str:
    document = json.loads(openapi.encoded())
    words_wanted = search.casefold().split()
    nouns: dict[str, list[dict[str, Any]]] = {}
    for one in operations():
        if all(word in one["text"] for word in words_wanted):
            nouns.setdefault(one["noun"], []).append(one)
    schemas = {name: _rows(schema) for name, schema in document["components"]["schemas"].items()}
    about = document["info"]["description"].split("\n\n")
    return render(
        "api_docs.html", nouns=nouns, schemas=schemas, kinds=KINDS, about=about, q=search, words=words, coded=coded
    )


@cache
def operations() -> list[dict[str, Any]]:
    """Every operation as the page shows it."""
    paths = json.loads(openapi.encoded())["paths"]
    return [_shown(path, method.upper(), told) for path, methods in paths.items() for method, told in methods.items()]


def coded(text: str) -> Markup:
    """Text in which what stands between backticks is code."""
    parts = (Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
             for number, part in enumerate(text.split("`")))  # fmt: skip
    return Markup("").join(parts)


def _shown(path: str, method: str, told: dict[str, Any]) -> dict[str, Any]:
    [(status, answer)] = [(code, one) for code, one in told["responses"].items() if code < "300"]
    body = told.get("requestBody", {}).get("content", {}).get("application/json")
    content = answer.get("content", {})
    sent = content.get("application/json")
    about = (told["tags"][0], method, path, told["summary"], told["description"])
    return {
        "id": told["operationId"],
        "noun": told["tags"][0],
        "text": " ".join(about).casefold(),
        "method": method,
        "path": path,
        "summary": told["summary"],
        "description": told["description"],
        "scope": told["x-scope"],
        "parameters": told["parameters"],
        "body": _name(body),
        "status": status,
        "answer": _name(sent),
        "files": [] if sent else list(content),
        "example": pretty(sent["example"]) if sent else "\n".join(one["example"] for one in content.values()),
        "curl": _curl(path, method, told, body),
        "refusals": [code for code in told["responses"] if code >= "400"],
    }


def _name(content: dict[str, Any] | None) -> str | None:
    return content["schema"]["$ref"].rpartition("/")[2] if content else None


def pretty(value: Any) -> str:
    """JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _curl(path: str, method: str, told: dict[str, Any], body: dict[str, Any] | None) -> str:
    """The request as a line that can be pasted."""
    for one in told["parameters"]:
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", one["example"])
    lines = [f"curl {'' if method == 'GET' else f'-X {method} '}{HOST}{path}", '-H "Authorization: Bearer $KEY"']
    for one in told["parameters"]:
        if one["in"] == "header" and (one["name"] == "Idempotency-Key" or one.get("required")):
            lines.append(_header(one))
    for kind in told.get("requestBody", {}).get("content", {}):
        if kind != "application/json":
            lines += [f"-H 'Content-Type: {kind}'", "--data-binary @people.csv"]
    if body:
        text = pretty(body["example"]).replace("'", "'\\''")
        lines += ["-H 'Content-Type: application/json'", f"-d '{text}'"]
    return " \\\n  ".join(lines)


def _header(one: dict[str, Any]) -> str:
    if one["name"] == "Idempotency-Key":
        return '-H "Idempotency-Key: $(uuidgen)"'  # a new one each time that it is pasted
    return f"-H '{one['name']}: {one['example']}'"


def _rows(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema as a table: its members, their types in words."""
    needed = schema.get("required", [])
    return {
        "description": schema.get("description", ""),
        "rows": [
            {"name": name, "type": words(told), "required": name in needed, "description": told.get("description", ""),
             "default": told.get("default")}
            for name, told in schema.get("properties", {}).items()
        ],
    }  # fmt: skip


def words(schema: dict[str, Any]) -> str:
    """A type in words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(words(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"“{one}”" for one in schema["enum"])
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {words(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {words(schema['additionalProperties'])}"
    return f"{kind} ({schema['format']})" if "format" in schema else kind


ROUTES: list[Any] = [openapi_document, docs_page]
