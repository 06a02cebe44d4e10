"""The token endpoint (`POST /{tenant}/oauth2/v2.0/token`) with its errors.

The numbers and statuses are those of Microsoft's list of AADSTS codes.
"""

import re
import uuid
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from ops.simulators.graph.directory import Directory
from ops.simulators.graph.exchange import Answer, Request, document

KIND = "application/json; charset=utf-8"
_TENANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
_NEEDED = ("grant_type", "client_id", "client_secret", "scope")


def token(directory: Directory, request: Request, tenant: str) -> Answer:
    """A token for the tenant's client, or what is wrong."""
    form = dict(parse_qsl(request.body.decode(errors="replace")))
    if refused := _wrong_tenant(directory, tenant) or _wrong_form(form) or _wrong_client(directory, form):
        return _error(*refused)
    issued = {"token_type": "Bearer", "expires_in": directory.sessions.seconds}
    issued |= {"ext_expires_in": issued["expires_in"], "access_token": directory.sessions.issue()}
    return document(issued, headers={"Cache-Control": "no-store, no-cache"}, kind=KIND)


Wrong = tuple[int, str, int, str]  # status, error, number, words


def _wrong_tenant(directory: Directory, tenant: str) -> Wrong | None:
    if not _TENANT.fullmatch(tenant):
        words = f"Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain."
        return 400, "invalid_request", 900023, words
    if tenant.lower() != directory.tenant_id.lower():
        words = f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into"
        return 400, "invalid_request", 90002, f"{words} the correct cloud."
    return None


def _wrong_form(form: dict[str, str]) -> Wrong | None:
    for name in _NEEDED:
        if not form.get(name):
            words = f"The request body must contain the following parameter: '{name}'."
            return 400, "invalid_request", 900144, words
    if form["grant_type"] != "client_credentials":
        return (
            400,
            "unsupported_grant_type",
            70003,
            f"The app requested an unsupported grant type '{form['grant_type']}'.",
        )
    if not form["scope"].endswith("/.default"):
        words = f"The provided value for scope {form['scope']} is not valid. Client credential flows must have a scope"
        return 400, "invalid_scope", 1002012, f"{words} value with /.default suffixed to the resource identifier."
    return None


def _wrong_client(directory: Directory, form: dict[str, str]) -> Wrong | None:
    client = form["client_id"]
    if client.lower() != directory.client_id.lower():
        words = f"Application with identifier '{client}' was not found in the directory '{directory.tenant_id}'."
        return 400, "unauthorized_client", 700016, words
    if form["client_secret"] != directory.client_secret:
        words = (
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value,"
        )
        return (
            401,
            "invalid_client",
            7000215,
            f"{words} not the client secret ID, for a secret added to app '{client}'.",
        )
    if directory.sessions.secret_expired:
        return 401, "invalid_client", 7000222, f"The provided client secret keys for app '{client}' are expired."
    return None


def _error(status: int, error: str, number: int, words: str) -> Answer:
    trace, now = str(uuid.uuid4()), datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    content = {
        "error": error,
        "error_description": f"AADSTS{number}: {words} Trace ID: {trace} Correlation ID: {trace} Timestamp: {now}",
        "error_codes": [number],
        "timestamp": now,
        "trace_id": trace,
        "correlation_id": trace,
        "error_uri": f"https://login.microsoftonline.com/error?code={number}",
    }
    return document(content, status, {"Cache-Control": "no-store, no-cache"}, KIND)
