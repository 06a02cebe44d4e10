"""What Microsoft says no with, as sentences that tell what to do.

Sources: learn.microsoft.com, "Microsoft Entra authentication and authorization error codes" (AADSTS…), "Microsoft Graph
error responses and resource types".
"""

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from models.errors import Refused, Unavailable

LEAST_WAIT = 1.0  # seconds, where Graph says that it is too much and not for how long
MOST_WAIT = 3600.0  # seconds; Microsoft asks for minutes at most
MOST_SHOWN = 200  # characters of a sentence of Microsoft's
_PERMISSIONS = (
    "under API permissions add User.Read.All and GroupMember.Read.All of Microsoft Graph as Application permissions,"
    " and grant admin consent"
)
_TOKEN: dict[int, str] = {
    7000215: "the client secret is wrong: enter the Value of a secret of this app registration, not its Secret ID",
    7000222: "the client secret has expired: make a new one under Certificates & secrets, and enter its Value",
    7000216: "the client secret is missing: enter the Value of a secret of this app registration",
    7000218: "the client secret is missing: enter the Value of a secret of this app registration",
    700016: "no application has this Client ID in the tenant: copy “Application (client) ID” from the app registration,"
    " and look whether it is in this tenant",
    7000112: "the application is disabled in the tenant: enable it under Enterprise applications",
    90002: "no tenant has this Tenant ID: copy “Directory (tenant) ID” from the app registration's overview, and look"
    " whether the cloud is right",
    900023: "the Tenant ID is neither a GUID nor a domain of the tenant: copy “Directory (tenant) ID” from the app"
    " registration's overview",
    900382: "the tenant is in another cloud: choose the cloud that it is in",
    900432: "the tenant is in another cloud: choose the cloud that it is in",
    50059: "the Tenant ID names no tenant: copy “Directory (tenant) ID” from the app registration's overview",
    65001: f"nobody has consented yet: {_PERMISSIONS}",
    53003: "a Conditional Access policy of the tenant blocks this application: exclude it, or allow this address",
    530004: "a Conditional Access policy of the tenant blocks this application: exclude it, or allow this address",
    50105: "the application may only be used by who is assigned to it: set “Assignment required” to No",
}
_GRAPH: dict[str, str] = {
    "Authorization_RequestDenied": f"the application lacks a permission: {_PERMISSIONS}",
    "Authorization_IdentityNotFound": "the application is not in the tenant yet: grant admin consent, then wait",
    "InvalidAuthenticationToken": "Microsoft does not take the token that it gave: look whether the cloud is right",
    "Directory_ConcurrencyViolation": "the directory was busy with another change: try again",
}
# A delta token that Graph does not know (any more): a 40x, in spite of the 410 that is promised for it.
_STATE_LOST = re.compile("sync ?state|resync|delta ?token|skip ?token", re.IGNORECASE)


class GraphRefused(Refused):
    """Microsoft said no, and will say it again until somebody has done something about it."""

    status = 502


class Broken(GraphRefused):
    """An answer that cannot be what was asked for."""


class StateLost(GraphRefused):
    """A delta or skip token is not known (any more): everything has to be read anew."""


class Throttled(Unavailable):
    """Not now: to be asked again after `seconds`, and not before."""

    def __init__(self, seconds: float, detail: str) -> None:
        super().__init__(detail)
        self.seconds = seconds


class ConnectionRefused(Unavailable):
    """Nothing came back, or an answer that is nobody's fault here."""

    def __init__(self, host: str, error: Exception | None, status: int = 0) -> None:
        why = f"answered {status}" if status else f"cannot be reached ({type(error).__name__})"
        super().__init__(f"{host} {why}: look whether this server may reach it, then try again")


def refusal_of_token(status: int, headers: Mapping[str, str], data: bytes) -> Refused:
    """What the token endpoint's answer means."""
    if status == 429 or status >= 500:
        return _throttled(status, headers)
    answer = _object(data)
    description = str(answer.get("error_description") or answer.get("error") or f"status {status}")
    codes = answer.get("error_codes")
    known = [code for code in codes if isinstance(code, int)] if isinstance(codes, list) else []
    code = known[0] if known else _code_in(description)
    sentence = _TOKEN.get(code or 0)
    if sentence is None:
        return GraphRefused(f"Microsoft's sign-in refused: {_first_line(description)}")
    return GraphRefused(f"{sentence} (AADSTS{code})")


def _code_in(description: str) -> int | None:
    found = re.match(r"AADSTS(\d+)", description)
    return int(found.group(1)) if found else None


def refusal_of_graph(status: int, headers: Mapping[str, str], data: bytes) -> Refused:
    """What an answer of Graph's means."""
    if status == 429 or status >= 500:
        return _throttled(status, headers)
    error = _object(data).get("error")
    error = error if isinstance(error, dict) else {}
    code, message = str(error.get("code") or ""), str(error.get("message") or f"status {status}")
    if status == 410 or _STATE_LOST.search(code):
        return StateLost(f"Microsoft Graph does not know any more what was read last ({code or status})")
    sentence = _GRAPH.get(code)
    if sentence is None:
        return GraphRefused(f"Microsoft Graph refused: {_first_line(f'{code}: {message}' if code else message)}")
    return GraphRefused(f"{sentence} ({code})")


def _throttled(status: int, headers: Mapping[str, str]) -> Throttled:
    seconds = wait_of(headers.get("retry-after", ""))
    what = "is asked too much" if status == 429 else f"answered {status}"
    return Throttled(seconds, f"Microsoft {what}, and wants to be asked again in {seconds:.0f} s")


def wait_of(after: object) -> float:
    """The seconds of a Retry-After, which may be a number or a date (RFC 9110 §10.2.3); what is neither is short."""
    text, seconds = str(after).strip(), LEAST_WAIT
    with suppress(ValueError, OverflowError):
        seconds = float(text) if text.isascii() and text.isdecimal() else _until(text)
    return min(MOST_WAIT, max(LEAST_WAIT, seconds))


def _until(date: str) -> float:
    return parsedate_to_datetime(date).timestamp() - time.time()


def _object(data: bytes) -> dict[str, Any]:
    try:
        parsed = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _first_line(text: str) -> str:
    """Without the trace id and the rest that Microsoft puts behind its sentence."""
    line = re.split(r"[\r\n]| Trace ID:", text, maxsplit=1)[0].strip()
    return "".join(character for character in line if character.isprintable())[:MOST_SHOWN]
