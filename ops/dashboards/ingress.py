"""What identity providers ask, how fast they are answered, and what is refused."""

from ops.dashboards.board import Board, Row, any_of
from ops.dashboards.objectives import ANSWERS, REQUESTS
from ops.dashboards.panels import heat, high, lines, stack
from ops.dashboards.queries import growth, or_none, quantile, quantiles, rate, sizes, total

IDP = 'idp=~"$idp"'

REQUESTS_ROW = [
    stack(
        "Requests by operation", "reqps", "{{operation}}", rate(REQUESTS, "operation", IDP),
        tells="What is asked for. Entra ID looks up before it creates, Okta lists everybody after an import.",
        act="When one operation is far above its usual: which provider, and was an assignment changed there?",
    ),
    stack(
        "Requests by provider", "reqps", "{{idp}}", rate(REQUESTS, "idp", IDP),
        tells="Who asks, as far as the headers of a request tell.",
        act="When one has stopped: Bursts, *Quiet connections*, and the provider's own provisioning log.",
    ),
    stack(
        "Answers by status", "reqps", "{{status}}", rate(REQUESTS, "status", IDP),
        tells="Every answer by its status. 404 is usual: a look-up that found nobody.",
        act="When 503 shows: requests were shed or the database is away. 500: the log has it with a request id.",
    ),
    stack(
        "Errors by scimType", "reqps", "{{scim_type}}",
        or_none(rate(REQUESTS, "scim_type", f'scim_type!="", {IDP}'), "scim_type"), width=12,
        tells="What is wrong with refused requests, in SCIM's words (RFC 7644 §3.12).",
        act="When `uniqueness` grows: two providers or two users claim one name. `invalidValue`: see the list's log.",
    ),
    stack(
        "Tokens refused, by reason", "reqps", "{{reason}}",
        or_none(rate("muster_auth_failures_total", "reason"), "reason"), width=12,
        tells="Requests with a token that opens nothing.",
        act="When `expired` or `revoked`: a provider has an old token. `wrong_list`: the Base URL is another list's."
        " `unknown` in numbers: somebody guesses.",
    ),
]  # fmt: skip

ANSWERS_ROW = [
    lines(
        "Time to answer", "s", quantiles(ANSWERS, IDP), steps=high(0.25, 1),
        tells="From a request's arrival to its answer.",
        act="When high: is it one operation (beside), a queue before the batches, or slow commits (below)?",
    ),
    lines(
        "The slowest of a hundred, by operation", "s", {"{{operation}}": quantile(0.99, ANSWERS, "operation", IDP)},
        steps=high(0.25, 1), tells="The time that 99 of 100 requests of an operation stay below.",
        act="When only lists and searches are high: they look at every user; see *Connections that work*, `scan`.",
    ),
    heat(
        "Times to answer", "s", growth(f"{ANSWERS}_bucket", "le", IDP), width=8,
        tells="How the times are spread: two bands mean two kinds of requests.",
        act="When a band rises as a whole: the database or the machine is slow, not one request.",
    ),
]  # fmt: skip

BATCHES_ROW = [
    lines(
        "Waiting for a batch", "short", {"{{batch}}": total("muster_queue_length", "batch")}, steps=high(500, 4_096),
        tells="Requests that wait for a place in a batch: changes (`commit`), those of large groups and bulk requests"
        " (`heavy`), look-ups (`lookup`), reads that look at every user of a list (`scan`).",
        act="When it stays up: commits are slow, or there are too few processes. Above 4,096 a process sheds.",
    ),
    lines(
        "Connections that work", "percentunit", {
            "{{batch}}": f"{total('muster_slots_busy', 'batch')} / {total('muster_slots', 'batch')}"
        }, steps=high(0.8, 1),
        tells="Of the database connections of a kind (`commit`, `heavy`, `lookup`, `scan`), those that carry a batch"
        " out just now.",
        act="When all are busy all the time: more processes, if the database has room. `heavy` alone: somebody sends"
        " large groups or bulk requests, which hold up each other but not the rest.",
    ),
    lines(
        "Shed requests", "reqps", {
            "shed": rate("muster_queue_shed_total"), "hung up": rate("muster_connections_ended_total"),
        }, steps=high(0.01, 1),
        tells="Requests answered 503 because too many were waiting: providers try them again. Connections that were"
        " hung up because all of a process held too much.",
        act="When above zero: more ingress processes, or mend what makes the database slow. Hung up: somebody opens"
        " thousands of connections, which are for a proxy in front to limit.",
    ),
    lines(
        "Time to commit", "s", quantiles("muster_commit_seconds"), steps=high(0.1, 0.5),
        tells="One group commit with its reads and writes: identities and journal in one transaction.",
        act="When high: Postgres and Valkey: locks, the oldest transaction, and how fast the disk takes the log.",
    ),
    lines(
        "Changes in a commit", "short", sizes("muster_commit_batch_size"),
        tells="How many changes shared one commit: 1 when idle or of a large group (`heavy`), up to 128 in a burst.",
        act="When it is at 128 and requests wait: the processes have reached what they can do.",
    ),
    lines(
        "Time to read", "s", {"{{batch}}": quantile(0.99, "muster_read_seconds", "batch")}, steps=high(0.1, 0.5),
        tells="What 99 of 100 reads stay below: a batch of look-ups, or a scan that looks at every user of a list.",
        act="When look-ups are slow: the database. Scans may take seconds: of large lists, by unusual filters.",
    ),
    lines(
        "Look-ups in a read", "short", sizes("muster_lookup_batch_size"),
        tells="How many look-ups shared one read.",
        act="When it is at 128 and look-ups wait: the processes have reached what they can do.",
    ),
]  # fmt: skip

BESIDE_ROW = [
    lines(
        "Bells not heard", "ops", {"lost": rate("muster_bell_failures_total")}, steps=high(0.01, 1), width=12,
        tells="Rings that did not reach Valkey; the sweep makes up for them within two seconds.",
        act="When above zero: is Valkey up, full or slow?",
    ),
    lines(
        "Log entries not kept", "ops", {"dropped": rate("muster_refused_dropped_total")}, steps=high(0.01, 1), width=12,
        tells="Entries of refused requests that the provisioning log lacks: the buffer was full, or the database away.",
        act="When above zero with the database up: somebody sends refused requests in great numbers, see above.",
    ),
]  # fmt: skip

CONSOLE_ROW = [
    stack(
        "Console answers", "reqps", "{{status}}", rate("muster_console_seconds_count", "status"),
        tells="Pages and fragments of the console by the status of their answer.",
        act="When 5xx show: the log has `console_failed`. Many 401 or 429: somebody tries passwords.",
    ),
    lines(
        "Time of console answers", "s", quantiles("muster_console_seconds"), steps=high(0.25, 1),
        tells="Until an answer of the console begins.",
        act="When high: does it wait for a connection (beside), or is the database slow?",
    ),
    lines(
        "Console's wait for a connection", "s", quantiles("muster_console_pool_wait_seconds"), steps=high(0.1, 1),
        tells="Until a console request has one of its eight connections to the database.",
        act="When high: pages that take long hold them all: *Time of console answers*.",
    ),
]  # fmt: skip

API_ROW = [
    stack(
        "API answers", "reqps", "{{status}}", rate("muster_api_requests_total", "status"),
        tells="Requests of the admin API by the status of their answer.",
        act="5xx: the log has `api_failed`. 429: a key has used up its MUSTER_API_RATE. Many 401: one was revoked.",
    ),
    lines(
        "Time of API answers", "s", quantiles("muster_api_seconds"), steps=high(0.25, 1),
        tells="From a request of the admin API to its answer, the wait for one of its four threads included.",
        act="When high: which operation (`muster_api_seconds` by `operation`), or is the database slow?",
    ),
    lines(
        "Requests not counted", "ops",
        {
            "API": rate("muster_api_unlimited_total"), "SCIM": rate("muster_tokens_unlimited_total"),
            "unknown": rate("muster_strangers_uncounted_total"),
        },
        steps=high(0.01, 1),
        tells="Requests that passed without being counted, and unknown tokens and keys, since Valkey did not answer.",
        act="When above zero: is Valkey up, full or slow?",
    ),
]  # fmt: skip

BOARD = Board(
    "ingress",
    "Ingress",
    "What identity providers ask, how fast they are answered, and what is refused.",
    [
        Row("Requests", REQUESTS_ROW),
        Row("Answers", ANSWERS_ROW),
        Row("Batches", BATCHES_ROW),
        Row("Beside the answers", BESIDE_ROW),
        Row("Console", CONSOLE_ROW),
        Row("Admin API", API_ROW),
    ],
    [any_of("idp", "Provider", REQUESTS, "Whose requests are shown.")],
)
