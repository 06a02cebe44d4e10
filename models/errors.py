"""The one error family: what was refused, in words that an administrator can act on."""


class Refused(Exception):
    """A request that cannot be done. `detail` names the attribute, the value and what to do.

    `status` is an HTTP status and `scim_type` an RFC 7644 §3.12 error type (or None), so that
    a renderer needs nothing else; the command line prints the detail alone.
    """

    status: int = 400
    scim_type: str | None = None

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
        # Whom a refused change was about, where that is known: for its entry in the log.
        self.identity_id: str | None = None
        self.user_name: str | None = None
        self.operation: str | None = None


class Unknown(Refused):
    """Something named by the caller does not exist (in this list)."""

    status = 404


class Taken(Refused):
    """A value that must be unique belongs to another resource."""

    status = 409
    scim_type = "uniqueness"


class TooLarge(Refused):
    """What this would store is larger than it may be, or the body is than this endpoint takes."""

    status = 413


class Unauthorised(Refused):
    """The bearer token does not open this list (any more). `reason` is a metric label."""

    status = 401

    def __init__(self, detail: str, reason: str = "unknown") -> None:
        super().__init__(detail)
        self.reason = reason


class PlanTooLow(Refused):
    """The organisation's plan does not include what was asked (product rule P2)."""

    status = 403


class Unavailable(Refused):
    """Not now: nothing was stored, or nobody can say whether it was. Try again."""

    status = 503
    retry_after: int = 1
