"""`POST /v1.0/$batch` (Microsoft Graph, "Combine multiple requests in one HTTP call using JSON batching")."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ops.simulators.graph.exchange import Answer, Refused, Request, document

MOST = 20  # requests of a batch
_FAILED = 424  # of a request that depends on one that failed


def answer(request: Request, ask: Callable[[Request], Answer]) -> Answer:
    """The answers of `ask` to the inner requests, the last one first: no order is promised."""
    inner = _requests(request.body)
    answered: dict[str, dict[str, Any]] = {}
    for one in inner:
        if any(answered.get(other, {}).get("status", _FAILED) >= 400 for other in one.get("dependsOn", ())):
            failure = Refused(_FAILED, "FailedDependency", "A request that this one depends on failed.").answer()
        else:
            failure = ask(_inner(request, one))
        answered[one["id"]] = _shown(one["id"], failure)
    return document({"responses": list(reversed(answered.values()))})


def _requests(body: bytes) -> list[dict[str, Any]]:
    try:
        inner = json.loads(body)["requests"]
        ids = [one["id"] for one in inner]
        complete = all(isinstance(one["method"], str) and isinstance(one["url"], str) for one in inner)
    except (ValueError, KeyError, TypeError):
        raise Refused(400, "BadRequest", "Invalid batch payload format.") from None
    if len(inner) > MOST:
        raise Refused(400, "BadRequest", f"Number of batch request steps exceeds the maximum value of {MOST}.")
    if not complete or not inner or len(set(ids)) < len(ids):
        raise Refused(400, "BadRequest", "Invalid batch payload format.")
    return list(inner)


def _inner(outer: Request, one: dict[str, Any]) -> Request:
    headers = {name.lower(): value for name, value in one.get("headers", {}).items()}
    authorization = {"authorization": outer.headers.get("authorization", "")}
    return Request(one["method"], f"/v1.0/{one['url'].lstrip('/')}", outer.base, authorization | headers)


def _shown(request_id: str, inner: Answer) -> dict[str, Any]:
    content: Any = inner.body.decode(errors="replace")
    if "json" in inner.headers.get("Content-Type", ""):
        with suppress(ValueError):  # a fault may have cut it short
            content = json.loads(content)
    return {"id": request_id, "status": inner.status, "headers": dict(inner.headers), "body": content}
