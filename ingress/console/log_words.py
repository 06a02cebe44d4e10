"""How the log's pages word an entry: values, times, and what to do about a refusal in which identity provider."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ingress.console.words import idp_name
from models.directory import runs
from models.log_entry import Entry

# A value in quotation marks, and whatever follows: a value may hold the mark itself. An apostrophe follows a letter.
_QUOTED = re.compile(r"(?<!\w)'.*", re.DOTALL)
LONGEST = 80  # characters of a value in the table; the drawer shows all of it
ICONS = {
    "create": "user-plus", "update": "pencil", "deactivate": "user-x", "reactivate": "user-check", "delete": "trash-2",
    "request": "key-round",
}  # fmt: skip
PERIODS = {"24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days", "all": "All time"}
# What the field for the token is called where it is pasted.
TOKEN_FIELDS = {
    "okta": "Authorization", "entra": "Secret Token", "pingone": "OAuth Access Token", "onelogin": "SCIM Bearer Token",
    "jumpcloud": "Token Key",
}  # fmt: skip
AGAIN = {
    "okta": "Then retry the task in Okta under Dashboard › Tasks.",
    "entra": "Entra ID tries again by itself in a later cycle, about every 40 minutes; “Provision on demand” sends it"
    " at once.",
    "pingone": "Then change or synchronise the user in PingOne, so that it is sent again.",
    "onelogin": "Then retry the user’s task in OneLogin under Users › Provisioning.",
    "jumpcloud": "Then save the user in JumpCloud, or add them to the application’s group again, so that it is sent"
    " again.",
}
AGAIN_ANYWHERE = "Then have your identity provider send it again."
AGAIN_PULLED = "The next run tries again."
PULLED = runs.request_id("")  # how the request ids of a Directory Sync begin


def clock_time(moment: datetime) -> str:
    """14:32:06, in UTC."""
    return f"{moment.astimezone(UTC):%H:%M:%S}"


def exact_time(moment: datetime) -> str:
    """14:32:06.114, in UTC."""
    return f"{moment.astimezone(UTC):%H:%M:%S}.{moment.microsecond // 1000:03}"


def date(moment: datetime) -> str:
    """12 Nov, with the year if it is not this one."""
    short = f"{moment.day} {moment:%b}"
    return short if moment.year == datetime.now(UTC).year else f"{short} {moment.year}"


def is_today(moment: datetime) -> bool:
    """Whether the time alone says when."""
    return moment.astimezone(UTC).date() == datetime.now(UTC).date()


def value(given: Any) -> str:
    """A field's value as text; nothing at all for an empty one."""
    if given is None:
        return ""
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def without_values(sentence: str) -> str:
    """What a viewer reads of a sentence that quotes a value; what the quotation begins may end anywhere."""
    return _QUOTED.sub("…", sentence)


def seen_by_viewer(entry: Entry) -> Entry:
    """An entry whose sentence tells no value."""
    return replace(entry, detail=without_values(entry.detail)) if entry.detail else entry


def short(given: Any) -> str:
    """The beginning of a value, for the table."""
    text = value(given)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def pretty(body: str | None) -> str | None:
    """A body with a line for each attribute, if it is JSON (a long one that was cut off is not)."""
    if body is None:
        return None
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body


def subject(entry: Entry) -> str:
    """Whom an entry is about, where no person is known."""
    return entry.user_name or ("A request" if entry.resource == "request" else f"An unnamed {entry.resource}")


def advice(entry: Entry) -> str | None:
    """What an administrator does about an entry, in the words of their identity provider."""
    idp, again = idp_name(entry.idp), AGAIN.get(entry.idp or "", AGAIN_ANYWHERE)
    if is_pulled(entry):
        again = AGAIN_PULLED
    detail = entry.detail or ""
    if entry.result == "partly_applied":
        return f"Correct the value in {idp}, or map another attribute to the field. The rest has been applied."
    if entry.result == "waiting":
        return _about_waiting(entry, detail, idp)
    if entry.result != "rejected":
        return None
    if entry.applied_at is not None:
        return f"{idp[0].upper()}{idp[1:]} has done its part: this was accepted and could not be applied here."
    if "bearer token" in detail:
        return _about_token(detail, entry.idp)
    if entry.resource == "request":
        return f"Nothing was changed. Compare the provisioning settings in {idp} with the set-up guide."
    return f"Nothing was changed. Correct it in {idp}. {again}"


def is_held(detail: str | None) -> bool:
    """Whether it is a deactivation that an operator has to release or discard (V9)."""
    return (detail or "").startswith("Held:")


def is_pulled(entry: Entry) -> bool:
    """Whether a run of a Directory Sync has read it, and nobody pushed it."""
    return entry.request_id.startswith(PULLED)


def _about_waiting(entry: Entry, detail: str, idp: str) -> str:
    if is_held(detail):
        return "It waits for you: release or discard it on the list’s Sync tab."
    if "is missing" in detail and is_pulled(entry):
        return f"Fill the attribute in {idp}. The user becomes a person with the run that reads it."
    if "is missing" in detail:
        return f"Have {idp} send the attribute. The user becomes a person with the request that brings it."
    return f"Give one of the two another value in {idp}, or deactivate the one who has left."


def _about_token(detail: str, idp: str | None) -> str:
    field = TOKEN_FIELDS.get(idp or "", "token")
    if "another list" in detail:
        return f"In {idp_name(idp)}, each list has an application of its own, with its own URL and {field}."
    return f"Generate a token on the Sync tab, and paste it into “{field}” in {idp_name(idp)}."


def sentence(entry: Entry, name: str) -> str:
    """What became of it, as one sentence, where no detail says it."""
    fields = ", ".join(str(change["field"]) for change in entry.changes)
    match entry.result, entry.operation:
        case "no_change", _:
            return f"{name} already had these values."
        case "applied", "create":
            return f"{name} was created."
        case "applied", "deactivate" | "delete":
            return f"{name} was deactivated. Nothing was deleted from the list."
        case "applied", "reactivate":
            return f"{name} is active again."
        case "applied", _:
            return f"{fields or 'The sync anchor'} of {name} changed."
    return entry.detail or ""


def row(entry: Entry, change: Mapping[str, Any], name: str, shows_values: bool) -> dict[str, Any]:
    """A changed field as an export has it."""
    return {
        "time": entry.at.isoformat(), "operation": entry.operation, "resource": entry.resource, "result": entry.result,
        "person": name, "uid": entry.uid, "user_name": entry.user_name, "field": change.get("field"),
        "before": change.get("before") if shows_values else None,
        "after": change.get("after") if shows_values else None,
        "detail": entry.detail, "request_id": entry.request_id, "scim_id": entry.identity_id,
        "token_prefix": entry.token_prefix, "idp": entry.idp,
        "applied_at": entry.applied_at.isoformat() if entry.applied_at else None, "repeats": entry.repeats,
    }  # fmt: skip
