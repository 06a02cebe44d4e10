"""Which identity provider sent a request, as far as its headers tell; for the log, never for a decision."""

from functools import lru_cache

LONGEST = 512  # bytes of a User-Agent that are looked at

# User-Agent fragments: Okta documents "Okta SCIM Client 1.0.0"; the others are from captured requests.
_AGENTS = (
    (b"okta", "okta"),
    (b"onelogin", "onelogin"),
    (b"jumpcloud", "jumpcloud"),
    (b"ping", "pingone"),
    (b"microsoft", "entra"),
    (b"azure", "entra"),
    (b"entra", "entra"),
)


def guess(headers: dict[bytes, bytes]) -> str | None:
    """A family name, or None. Entra ID sends no User-Agent at all, which no other known IdP does."""
    agent = headers.get(b"user-agent")
    return "entra" if agent is None else _family(agent[:LONGEST])


@lru_cache(maxsize=1024)
def _family(agent: bytes) -> str | None:
    lowered = agent.lower()
    return next((family for fragment, family in _AGENTS if fragment in lowered), None)
