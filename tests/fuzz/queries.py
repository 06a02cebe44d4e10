"""List requests and odd requests as clients might send them, most of them almost right."""

from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.factories import ENTERPRISE, USER
from tests.fuzz.changes import LITERALS, OPERATORS, SUB_NAMES, WITHIN, damaged, paths
from tests.fuzz.strategies import BYTES, GROUP, JUNK, OF_USERS, SUBS, TAGS, TEXTS, WORDS, odd_case, seldom
from tests.fuzz.world import BADGE, GROUPS, USERS

Search = dict[str, Any]
ATTRIBUTES = [
    *("userName", "externalId", "id", "active", "title", "displayName", "name.givenName", "emails", "emails.value"),
    *("emails.type", "emails.primary", "roles", "addresses.locality", "addresses", "name", "manager", "manager.value"),
    *("groups", "groups.value", "groups.display", "members", "members.value", "members.type", "schemas", "password"),
    *(
        "meta.created",
        "meta.lastModified",
        "meta.resourceType",
        "meta.version",
        "meta.location",
        "meta",
        "x",
        "urn:a:b:c",
    ),
    *("department", f"{ENTERPRISE}:employeeNumber", f"{USER}:userName", f"{GROUP}:displayName", f"{BADGE}:badge"),
    *(
        f"{BADGE}:tags",
        f"{BADGE}:tags.type",
        f"{BADGE}:desk.floor",
        BADGE,
        f"{BADGE}:password",
        "x509Certificates.value",
    ),
]
NAMED = odd_case(st.sampled_from(ATTRIBUTES))
TIMES = st.sampled_from(
    ["2020-01-01T00:00:00Z", "2100-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2020-W01-1"]
    + ["2020-01-01T00:00:00.1234567Z", "20200101", "2020-01-01T24:00:00Z", "2020-02-30", "0000-01-01", "now", ""]
    + ["2020-01-01T00:00:00+00:00:01", "2020-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999Z", "10000-01-01"]
).map('"{}"'.format)
BOOLEANS = st.sampled_from(["true", "false", '"True"', "FALSE", "null", '"x"', "1"])
EXPONENTS = st.sampled_from(
    ["7", "7.0", "1e3", "1e999", "1e999999", "-1E-99999", "0e0", "9" * 400, "1e99999999999", "-0"]
)
UNTYPED = st.sampled_from(
    [f"{BADGE}:badge", f"{BADGE}:desk.floor", f"{BADGE}:tags.value", f"{BADGE}:x", "urn:a:b:badge"]
)
COMPARISONS = st.one_of(
    *[st.tuples(UNTYPED, OPERATORS, EXPONENTS).map(" ".join)] * 2,
    st.tuples(NAMED, OPERATORS, LITERALS).map(" ".join),
    st.tuples(st.sampled_from(["meta.created", "meta.lastModified"]), OPERATORS, TIMES).map(" ".join),
    st.tuples(st.sampled_from(["active", "emails.primary"]), OPERATORS, BOOLEANS).map(" ".join),
    NAMED.map("{} pr".format),
    st.tuples(NAMED, WITHIN).map("{0[0]}[{0[1]}]".format),
    st.tuples(NAMED, WITHIN, SUB_NAMES, OPERATORS, LITERALS).map("{0[0]}[{0[1]}].{0[2]} {0[3]} {0[4]}".format),
)
SOUND = st.recursive(
    COMPARISONS,
    lambda inner: (
        st.tuples(inner, odd_case(st.sampled_from([" and ", " or ", "  AND  ", "\tor "])), inner).map("".join)
        | inner.map("({})".format)
        | inner.map("not ({})".format)
    ),
    max_leaves=5,
)
LONG = st.tuples(st.sampled_from(["(", "not (", "emails["]), st.integers(10, 400), COMPARISONS).map(
    lambda three: three[0] * three[1] + three[2] + ")" * three[1]
) | st.tuples(COMPARISONS, st.sampled_from([" or ", " and "]), st.integers(5, 250)).map(
    lambda three: three[1].join([three[0]] * three[2])
)
FILTERS = seldom(damaged(SOUND) | TEXTS | LONG | st.text('"[]()\\ eqandornot.1', max_size=30), SOUND, 3)
NUMERALS = st.integers(-3, 8).map(str) | st.sampled_from(
    [
        "",
        " 1 ",
        "+5",
        "-0",
        "٣",
        "1_0",
        "1.5",
        "1e2",
        "0x1",
        "9" * 30,
        "-" + "9" * 30,
        "9" * 5000,
        "2147483648",
        "\x00",
        "a",
    ]
)
LISTED = st.lists(
    paths(OF_USERS) | NAMED | st.sampled_from([*SUBS, "*", "", '"', "members.value", "id", "schemas"]), max_size=4
).map(",".join)
CURSORS = st.sampled_from(
    ["", "", "@cursor", "@cursor", "@cursors", "nonsense", "x" * 9000, "\ud800", "=", "A" * 120, "é"]
) | (damaged(st.sampled_from(["@cursor", "@cursors"])))
SEARCHES = st.fixed_dictionaries(
    {"filter": seldom(st.just(""), FILTERS)},
    optional={
        "sortBy": seldom(paths(OF_USERS) | TEXTS, NAMED),
        "sortOrder": odd_case(seldom(WORDS, st.sampled_from(["ascending", "descending", ""]))),
        "startIndex": NUMERALS,
        "count": seldom(NUMERALS, st.integers(0, 8).map(str)),
        "attributes": LISTED,
        "excludedAttributes": LISTED,
    },
)
# What is asked after a write: that what it left can be looked for and shown in every way.
PROBES = st.tuples(SOUND, NAMED, LISTED)
PLACES = st.sampled_from(["/Users", "/Users", "/Groups", ""])
ODD_SEARCHES = st.dictionaries(
    odd_case(
        st.sampled_from(["filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes", "x", ""])
    ),
    JUNK | FILTERS | st.lists(NAMED, max_size=3) | st.integers(-(2**40), 2**40),
    max_size=4,
)


def raw_query(asked: Search) -> bytes:
    """A query string without any escapes but for what would end a parameter."""
    parts = (f"{name}={value}".replace("&", "%26") for name, value in asked.items())
    return "&".join(parts).encode("utf-8", "surrogatepass")


def escaped_query(asked: Search) -> bytes:
    """A query string as it is to be written."""
    return "&".join(
        f"{name}={quote(str(value), safe='', errors='surrogatepass')}" for name, value in asked.items()
    ).encode()


QUERIES = st.one_of(
    SEARCHES.map(raw_query),
    st.binary(max_size=60),
    st.tuples(
        SEARCHES.map(escaped_query),
        st.integers(0, 60),
        st.sampled_from([b"%", b"%0", b"%ff", b"&", b"=", b"+", b"%00"]),
    ).map(lambda three: three[0][: three[1]] + three[2] + three[0][three[1] :]),
)
METHODS = st.sampled_from(
    ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW", "get", "", "X" * 300, "É"]
)
SEGMENTS = st.sampled_from(
    [
        "Users",
        "Groups",
        "users",
        "Bulk",
        "Me",
        "Schemas",
        "ResourceTypes",
        "ServiceProviderConfig",
        "User",
        "Group",
        USER,
    ]
    + [
        ".search",
        *USERS,
        *GROUPS,
        "nobody",
        "..",
        ".",
        "",
        "%2e%2e",
        "%",
        "\x00",
        "\ud800",
        "é",
        "\\",
        "a" * 3000,
        "{id}",
        "~",
    ]
)
TRAILS = st.lists(SEGMENTS, max_size=4).map("/".join).map("/{}".format)
USUAL = st.sampled_from(
    ["/Users", "/Groups", "/Bulk", "/.search", "/Users/@user0", "/Groups/@group0", "/Schemas", "/Users/.search"]
)
OUTSIDE = st.sampled_from(
    [
        "/",
        "",
        "/scim",
        "/scim/",
        "/scim/v2",
        "/scim/v2/",
        "/scim/v2//Users",
        "/scim/v1/x/Users",
        "/scim/v2/nolist/Users",
    ]
    + [
        "/scim/v2x",
        "/metrics",
        "/schema",
        "/scim/v2/%00",
        "/scim/v2/\x00/Users",
        "//scim/v2",
        "/scim/v2/../v2",
        "*",
        "x",
    ]
)
TYPES = st.sampled_from(
    [
        b"application/scim+json",
        b"application/json; charset=utf-8",
        b"APPLICATION/JSON",
        b"text/plain",
        b"",
        b";",
        b"\xff",
        b"a" * 9000,
    ]
)
HEADERS = st.lists(
    st.one_of(
        st.tuples(st.just(b"content-type"), TYPES),
        st.tuples(st.sampled_from([b"if-match", b"if-none-match"]), TAGS | st.binary(max_size=12)),
        st.tuples(
            st.just(b"content-length"), st.sampled_from([b"x", b"-1", b"99999999999", b"", b"\xb2", b"9" * 5000])
        ),
        st.tuples(
            st.just(b"authorization"),
            st.sampled_from([b"", b"Bearer", b"Basic eDp4", b"Bearer sct_x", b"\xff", b"B" * 600]),
        ),
        st.tuples(
            st.sampled_from(
                [b"host", b"x-forwarded-for", b"forwarded", b"user-agent", b"accept", b"cookie", b"x-forwarded-host"]
            ),
            st.binary(max_size=30),
        ),
    ),
    max_size=3,
)
REQUESTS = st.tuples(
    METHODS, TRAILS | USUAL | OUTSIDE.map("outside:{}".format), BYTES, QUERIES | st.just(b""), HEADERS, st.booleans()
)
