"""Refusals as problem details (RFC 9457): what kind, in one sentence, and where in the request."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from ingress.buckets import TooFast
from models import database
from models.errors import PlanTooLow, Refused, Unauthorised, Unavailable
from models.fields.schema import ChangedElsewhere
from models.mapping_edit import Conflicts
from models.person import ChangedMeanwhile
from models.person_edit import Unfit
from models.replay import InFlight, Reused

MEDIA_TYPE = "application/problem+json"
DOCS = "/api/v1/docs"
_PATH = re.compile(r" - at `(?:key in )?\$([^`]*)`$")
_STEPS = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


class Kind(NamedTuple):
    """A kind of problem: its status and title. Its type is an anchor of the docs page."""

    status: int
    title: str
    explains: str


KINDS = {
    "malformed": Kind(400, "Malformed request", "The request cannot be read: its JSON, a parameter or a header."),
    "unauthenticated": Kind(401, "Not authenticated", "There is no API key, or it opens nothing (any more)."),
    "forbidden": Kind(403, "Not allowed", "A key that reads cannot change anything."),
    "plan": Kind(403, "Plan too low", "The organisation's plan does not include what was asked."),
    "not-found": Kind(404, "Not found", "It does not exist, or belongs to another organisation."),
    "method": Kind(405, "Method not allowed", "This address takes other methods: the Allow header has them."),
    "conflict": Kind(409, "Conflict", "The present state of things does not allow it; `detail` says what does."),
    "in-flight": Kind(409, "Being answered", "The first request with this Idempotency-Key is not answered yet."),
    "not-kept": Kind(409, "Done, and not shown again", "It was done, and its answer held a secret that is not kept."),
    "version": Kind(412, "Changed meanwhile", "If-Match names another version than the present one: read it again."),
    "too-large": Kind(413, "Too large", "The body has more bytes than are taken."),
    "media-type": Kind(
        415, "Unsupported media type", "A body is application/json, a file text/csv, and neither is compressed."
    ),
    "invalid": Kind(422, "Invalid", "The request is understood, and a rule forbids it; `errors` names the places."),
    "key-reused": Kind(422, "Idempotency-Key reused", "The Idempotency-Key came with another request before."),
    "no-version": Kind(428, "Version needed", "This change needs an If-Match header with the version that was read."),
    "rate-limit": Kind(429, "Too many requests", "The key has used up its requests: wait as Retry-After says."),
    "internal": Kind(500, "Something failed", "Our fault. Nothing was changed; `request_id` finds it in our logs."),
    "unavailable": Kind(503, "Not now", "The database, the directory or a lock cannot be had: try again."),
}


class Place(NamedTuple):
    """What is wrong where: `pointer` is a JSON pointer into the body (RFC 6901, as a URI fragment), or `parameter`
    names one of the query or a header."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Wrong(Refused):
    """A refusal of the API's own, of a kind."""

    def __init__(self, kind: str, detail: str, *places: Place, **headers: str) -> None:
        super().__init__(detail)
        self.kind, self.places = kind, places
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.status = KINDS[kind].status


def wrong_parameter(sentence: str, name: str) -> Wrong:
    """A parameter of the query, or a header, that cannot be read."""
    return Wrong("malformed", sentence, Place(sentence, parameter=name))


class Problem(NamedTuple):
    """A problem as it is answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def of(error: BaseException, request_id: str) -> Problem | None:
    """The problem that an error is; None where it is nobody's but ours."""
    if isinstance(error, TooFast):
        return _problem("rate-limit", error.detail, request_id, headers={"Retry-After": str(error.retry_after)})
    if isinstance(error, Wrong):
        return _problem(error.kind, error.detail, request_id, error.places, error.headers)
    if isinstance(error, Unavailable):
        return _problem("unavailable", error.detail, request_id, headers={"Retry-After": str(error.retry_after)})
    if isinstance(error, Refused):
        return _problem(kind_of(error), error.detail, request_id, _places(error), _headers(error))
    if isinstance(error, database.BUSY):
        sentence = "This list is busy at the moment. Nothing was changed: try again."
        return _problem("unavailable", sentence, request_id, headers={"Retry-After": "1"})
    if isinstance(error, database.LOST):
        sentence = (
            "The database does not answer at the moment. Look whether it was done, or send the same request with the"
            " same Idempotency-Key again."
        )
        return _problem("unavailable", sentence, request_id, headers={"Retry-After": "1"})
    return None


def kind_of(refusal: Refused) -> str:
    """The kind of what models refuse: a rule that says no is told from a request that nobody understands."""
    for family, kind in (
        (PlanTooLow, "plan"), (ChangedMeanwhile, "version"), (ChangedElsewhere, "version"),
        (InFlight, "in-flight"), (Reused, "key-reused"), (Unauthorised, "unauthenticated"),
    ):  # fmt: skip
        if isinstance(refusal, family):
            return kind
    by_status = {403: "forbidden", 404: "not-found", 409: "conflict", 413: "too-large", 503: "unavailable"}
    return by_status.get(refusal.status, "invalid")


def _places(refusal: Refused) -> Sequence[Place]:
    if isinstance(refusal, Conflicts):
        return [Place(fault.sentence, f"#/mappings/{number}") for number, fault in refusal.faults.items()]
    if isinstance(refusal, Unfit):
        return [Place(refusal.detail, pointer("fields", refusal.key))]
    return ()


def _headers(refusal: Refused) -> dict[str, str]:
    return {"WWW-Authenticate": 'Bearer realm="Muster API"'} if isinstance(refusal, Unauthorised) else {}


def internal(request_id: str) -> Problem:
    """What we did not foresee."""
    return _problem("internal", "Something went wrong on our side. Nothing was changed: try again.", request_id)


def _problem(
    kind: str, detail: str, request_id: str, places: Sequence[Place] = (), headers: Mapping[str, str] | None = None
) -> Problem:
    told = KINDS[kind]
    document: dict[str, Any] = {
        "type": f"{DOCS}#problem-{kind}", "title": told.title, "status": told.status,
        "detail": f"{detail[:1].upper()}{detail[1:]}", "request_id": request_id,
    }  # fmt: skip
    if places:
        document["errors"] = [{name: value for name, value in one._asdict().items() if value} for one in places]
    named = {"Content-Type": MEDIA_TYPE, **(headers or {})}
    return Problem(told.status, msgspec.json.encode(document), named)


def pointer(*steps: str) -> str:
    """A JSON pointer as a URI fragment."""
    return "#" + "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def place(error: msgspec.ValidationError) -> Place:
    """What msgspec says is wrong, and where in the body."""
    text = str(error)
    found = _PATH.search(text)
    steps = [name or number for name, number in _STEPS.findall(found[1])] if found else []
    sentence = text[: found.start()] if found else text
    return Place(sentence.replace("`", "'"), pointer(*(step for step in steps if step != "...")))
