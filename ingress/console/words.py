"""How the console words things: numbers, times, plans, results. Used by templates as filters and globals."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from markupsafe import Markup

from models.text import plural as plural

RESULTS = {
    "applied": "Applied",
    "partly_applied": "Partly applied",
    "waiting": "Waiting",
    "rejected": "Rejected",
    "no_change": "No change",
}
TONES = {"applied": "ok", "partly_applied": "wait", "waiting": "wait", "rejected": "bad", "no_change": "off"}
OPERATIONS = {
    "create": "Created",
    "update": "Updated",
    "deactivate": "Deactivated",
    "reactivate": "Reactivated",
    "delete": "Deleted",
    "request": "Request",
}
IDENTIFIERS = {"employeeNumber": "Employee Number", "userName": "Username", "email": "Email"}
IDPS = {"okta": "Okta", "entra": "Entra ID", "pingone": "PingOne", "onelogin": "OneLogin", "jumpcloud": "JumpCloud"}
SOMEBODYS_IDP = "your identity provider"


def idp_name(idp: str | None) -> str:
    """An identity provider's name, or words that are true of any."""
    return IDPS.get(idp or "", SOMEBODYS_IDP)


def number(value: int) -> str:
    """12,345."""
    return f"{value:,}"


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago, in the largest unit that fits."""
    if moment is None:
        return "never"
    seconds = max(0, int(((now or datetime.now(UTC)) - moment).total_seconds()))
    if seconds < 5:
        return "just now"
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            return _counted(seconds // size, name) + " ago"
    return "just now"


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name}{'s' if count != 1 else ''}"


def span(passed: timedelta) -> str:
    """A length of time in its largest unit: 3 hours."""
    seconds = int(passed.total_seconds())
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return _counted(seconds // size, name)
    return _counted(seconds, "second")


def day(moment: datetime) -> str:
    """3 March 2026, in UTC."""
    moment = moment.astimezone(UTC)
    return f"{moment.day} {moment:%B %Y}"


def clock(moment: datetime) -> Markup:
    """A time element: how long ago in words, the moment itself in the attribute and, in UTC, in the title."""
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(timespec="milliseconds"), f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC", ago(moment)
    )


def duration(passed: timedelta | float | None) -> str:
    """Milliseconds below one second, then seconds, then minutes."""
    if passed is None:
        return "–"
    seconds = passed.total_seconds() if isinstance(passed, timedelta) else passed
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def initials(name: str) -> str:
    """One or two letters for a tile; of an e-mail address, those before the @."""
    local, at, _ = name.partition("@")
    parts = [part for part in (local.replace(".", " ") if at else name).split() if part[0].isalnum()]
    return "".join(part[0] for part in (parts[:1] + parts[-1:] if len(parts) > 1 else parts))[:2].upper() or "?"


def hue(key: str) -> int:
    """One of six colours, always the same for a key."""
    return sum(key.encode()) % 6


FILTERS: dict[str, Callable[..., Any]] = {
    "number": number, "ago": ago, "day": day, "clock": clock, "duration": duration, "initials": initials, "hue": hue,
    "idp": idp_name, "span": span,
}  # fmt: skip
GLOBALS: dict[str, Any] = {
    "plural": plural, "RESULTS": RESULTS, "TONES": TONES, "OPERATIONS": OPERATIONS, "IDENTIFIERS": IDENTIFIERS,
}  # fmt: skip
