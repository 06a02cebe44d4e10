"""What is promised: the share of requests and changes that may miss it, and how fast that share is used up."""

from collections.abc import Callable
from dataclasses import dataclass

from ops.dashboards import queries
from ops.dashboards.queries import SHOWN, growth, or_zero

REQUESTS = "muster_http_requests_total"
ANSWERS = "muster_http_request_seconds"
ARRIVALS = "muster_accept_to_list_seconds"


@dataclass(frozen=True)
class Objective:
    """A promise. `allowed` is the share that may miss it, `missed` the expression for those that did."""

    title: str
    what: str
    allowed: float
    missed: Callable[[str], str]
    look: str

    def kept(self, over: str = SHOWN) -> str:
        """The share that was as promised."""
        return f"1 - {self.missed(over)}"

    def left(self, over: str = SHOWN) -> str:
        """What is left of the share that may miss it: 1 for all of it, below 0 when it is overdrawn."""
        return f"1 - {self.burn(over)}"

    def burn(self, over: str) -> str:
        """How many times faster than allowed."""
        return f"{self.missed(over)} / {self.allowed:g}"


def _failed(over: str) -> str:
    # 501 is the answer to /Me, which is not offered: the alerts leave it out as well.
    failed = or_zero(growth(REQUESTS, where='status=~"5..",status!="501"', over=over))
    return f"(({failed}) / {growth(REQUESTS, over=over)})"


def _later_than(bound: str, histogram: str) -> Callable[[str], str]:
    return lambda over: f"(1 - {queries.within(bound, histogram, over=over)})"


AVAILABILITY = Objective(
    "Availability", "SCIM requests answered without a 5xx: 99.9 % are promised.", 0.001, _failed,
    "Ingress, *Answers by status*: 503 means that too many requests were waiting, or that the database is away.",
)  # fmt: skip
LATENCY = Objective(
    "Answers within 250 ms", "SCIM requests answered within 250 ms: 99 % are promised.", 0.01,
    _later_than("0.25", ANSWERS),
    "Ingress, *The slowest of a hundred, by operation*: is it one or all, does a batch queue, is a commit slow?",
)  # fmt: skip
IN_LIST = Objective(
    "In the list within 5 s", "Accepted changes that were in the list within 5 s: 99 % are promised. Those that have"
    " not arrived yet are not counted: *Oldest change not applied* tells of them.", 0.01, _later_than("5.0", ARRIVALS),
    "Workers and journal: does the journal grow, are all lanes busy, which phase of a drain takes long?",
)  # fmt: skip
ALL = (AVAILABILITY, LATENCY, IN_LIST)
