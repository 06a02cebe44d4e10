"""What identity providers send at once, and whether the next of it comes when it should."""

from ops.dashboards.board import Board, Row
from ops.dashboards.panels import ANY, SOME, heat, high, lines, number
from ops.dashboards.queries import SHOWN, growth, latest, quantiles, sizes, within

OVER = "1h"  # a provider comes every 40 minutes: a shorter window would be empty most of the time
APPLIED = "muster_burst_applied_seconds"

NOW = [
    number(
        "Connected lists", "short", latest("muster_connections"), width=4,
        tells="Lists that an identity provider fills.",
        act="When it falls without anybody having meant it: `audit_entry` in the database tells who.",
    ),
    number(
        "Quiet connections", "short", latest("muster_connections_quiet"), steps=SOME, width=4,
        tells="Those whose next burst is long overdue, by the rhythm that was learned of theirs.",
        act="When above zero: look at the provider's provisioning job: paused, quarantined, or a wrong token?",
    ),
    number(
        "Connections at risk", "short", latest("muster_connections_at_risk"), steps=ANY, width=4,
        tells="Those whose last bursts failed for more than 30 % and 500 requests. Entra ID quarantines above 40 % of"
        " 5,000, and then comes once a day only.",
        act="When above zero: the list's log tells what is refused; mend the mapping or the directory in time.",
    ),
    number(
        "Bursts", "short", growth("muster_burst_changes_count", over=SHOWN), width=4,
        tells="Bursts with changes that have ended in the time shown: two minutes without a request end one.",
        act="When there are none: nobody has changed anything, or see *Quiet connections*.",
    ),
    number(
        "Changes in bursts", "short", growth("muster_burst_changes_sum", over=SHOWN), width=4,
        tells="Changes of these bursts together.",
        act="When far above the usual: an assignment was changed, or a provider's cycle began anew.",
    ),
    number(
        "Slow bursts", "percentunit", f"1 - {within('5.0', APPLIED, over=SHOWN)}", steps=high(0.01, 0.1), width=4,
        tells="The share of them of which a change took more than 5 s to reach the list.",
        act="When high: workers are too few for what comes at once: Workers and journal.",
    ),
]  # fmt: skip

SIZES = [
    lines(
        "Changes of a burst", "short", sizes("muster_burst_changes", over=OVER), width=12,
        tells="How many changes a burst has, of those that ended within an hour.",
        act="When it jumps: somebody assigned or unassigned a large group; look at *Held deactivations* as well.",
    ),
    lines(
        "Length of a burst", "s", quantiles("muster_burst_seconds", over=OVER), width=12,
        tells="From its first request to its last.",
        act="When it nears the provider's cycle (40 minutes for Entra ID): it cannot keep up; are answers slow?",
    ),
    lines(
        "Peak of a burst", "reqps", sizes("muster_burst_peak_requests_per_second", over=OVER), width=12,
        tells="The most requests in one of its seconds.",
        act="When higher than what ingress has been measured to take: more processes before answers are slow.",
    ),
    lines(
        "Slowest change of a burst", "s", quantiles(APPLIED, over=OVER), steps=high(5, 60), width=12,
        tells="How long the slowest change of a burst took to reach the list.",
        act="When high: more worker processes, for the time of the burst at least.",
    ),
]  # fmt: skip

SPREAD = [
    heat(
        "Sizes", "short", growth("muster_burst_changes_bucket", "le"),
        tells="Bursts that ended, by how many changes they had.", act="A band that stays is a provider's usual cycle.",
    ),
    heat(
        "Slowest changes", "s", growth(f"{APPLIED}_bucket", "le"),
        tells="Bursts that ended, by how long their slowest change took to reach the list.",
        act="When cells show above 5 s: the time and *Sizes* tell which bursts were too large for the workers.",
    ),
]  # fmt: skip

BOARD = Board(
    "bursts",
    "Bursts",
    "What identity providers send at once, how it is borne, and whether the next comes when it should.",
    [Row("Now", NOW), Row("How large, how long, how fast", SIZES), Row("How they are spread", SPREAD)],
    since="now-24h",
)
