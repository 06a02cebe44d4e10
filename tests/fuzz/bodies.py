"""What clients might send: bodies, filters, patches and bulk requests, some of them almost right."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.factories import ENTERPRISE
from tests.ingress.test_conditions import BODIES, FILTERS
from tests.ingress.test_hostile import NAMES, OPERATIONS, PATHS, TEXT, VALUES, WHERES

Json = dict[str, Any]
# Stand for ids that are known only while the test runs.
USERS, GROUPS = [f"@user{n}" for n in range(4)], [f"@group{n}" for n in range(2)]
IDS = st.sampled_from([*USERS, *GROUPS, "nobody", "00000000-0000-7000-8000-000000000000", "bulkId:b0", "bulkId:x"])
MEMBERS = (
    st.lists(
        st.fixed_dictionaries({"value": IDS}, optional={"$ref": st.none(), "type": TEXT, "display": TEXT}), max_size=4
    )
    | IDS
    | st.lists(IDS, max_size=3)
    | st.fixed_dictionaries({"value": IDS | VALUES})
    | VALUES
)
ODD_USERS = st.tuples(BODIES, st.dictionaries(NAMES | TEXT, VALUES, max_size=5)).map(lambda two: {**two[0], **two[1]})
GROUP_NAMES = st.sampled_from(["Staff", "STAFF", "Crew", "", " ", "a\x00", "\ud800", "x" * 2000])
ODD_GROUPS = st.fixed_dictionaries(
    {"displayName": GROUP_NAMES | TEXT | VALUES},
    optional={
        "members": MEMBERS,
        "externalId": TEXT | VALUES,
        "schemas": VALUES,
        "id": IDS,
        "urn:ietf:params:scim:schemas:extension:Custom:2.0:Group": st.dictionaries(TEXT, VALUES, max_size=2),
    },
)
USER_BODIES = BODIES | ODD_USERS | st.dictionaries(NAMES | TEXT, VALUES, max_size=5)
GROUP_BODIES = ODD_GROUPS | st.dictionaries(NAMES | TEXT, VALUES, max_size=4)
RAW = st.binary(max_size=60) | st.tuples(USER_BODIES.map(json.dumps), st.integers(0, 400)).map(
    lambda two: two[0][: two[1]].encode()
)
GROUP_PATHS = PATHS | st.sampled_from(
    [
        "members",
        "Members",
        "displayName",
        "externalId",
        'members[value eq "@user0"]',
        'members[value eq "@user1"].value',
    ]
    + ['members[value ne "@user2" or value eq "@user3"]', 'members[display co "x"]', "members.value", "groups"]
)
GROUP_OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "Replace", "REMOVE", "remove", "move"])},
    optional={"path": GROUP_PATHS, "value": MEMBERS | VALUES | st.fixed_dictionaries({"members": MEMBERS})},
)


def patched(operations: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[Json]:
    """PATCH bodies of so many operations."""
    return st.fixed_dictionaries({"Operations": st.lists(operations, min_size=1, max_size=most)})


KEYED = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "replace"])},
    optional={
        "value": st.dictionaries(
            PATHS | st.sampled_from([f"{ENTERPRISE}:department", "name.givenName"]), VALUES, max_size=4
        )
    },
)
USER_PATCHES, GROUP_PATCHES = patched(OPERATIONS | KEYED, 6), patched(GROUP_OPERATIONS, 4)
ONE_PATH = st.tuples(
    st.tuples(PATHS, st.sampled_from(["", " ", ".", "[", "]", '"', "value", "[value eq 1]"])).map("".join) | TEXT,
    st.sampled_from(["add", "replace", "remove"]),
    VALUES,
).map(lambda one: {"Operations": [{"op": one[1], "path": one[0], "value": one[2]}]})

TARGETS = st.sampled_from(["/Users", "/Groups", "/Users/", "/Bulk", "", "Users", "/Users/a/b", "/Me"]) | IDS.map(
    lambda one: f"/Users/{one}" if "group" not in one else f"/Groups/{one}"
)
BULK = st.fixed_dictionaries(
    {
        "Operations": st.lists(
            st.fixed_dictionaries(
                {"method": st.sampled_from(["POST", "post", "PUT", "PATCH", "DELETE", "GET", ""]), "path": TARGETS},
                optional={
                    "bulkId": st.sampled_from(["b0", "b1", "b2", "", 7]),
                    "version": st.sampled_from(['W/"1"', "*", "x", 3]),
                    "data": USER_BODIES | GROUP_BODIES | USER_PATCHES | GROUP_PATCHES | VALUES,
                },
            )
            | VALUES,
            max_size=6,
        )
    },
    optional={"failOnErrors": st.integers(-1, 3) | VALUES},
)
CIRCLES = st.lists(st.sampled_from(["b0", "b1", "b2"]), min_size=3, max_size=3).map(
    lambda managers: {
        "Operations": [
            {
                "method": "POST", "path": "/Users", "bulkId": f"b{n}",
                "data": {"userName": f"circle{n}", "manager": f"bulkId:{manager}"},
            }
            for n, manager in enumerate(managers)
        ]
    }
)  # fmt: skip

MUTATED = st.tuples(
    FILTERS, st.integers(0, 80), st.sampled_from(['"', "(", ")", "[", " not ", "\\", "\x00", ".", " and "])
).map(lambda one: one[0][: one[1]] + one[2] + one[0][one[1] :])
WORDS = st.sampled_from(
    ["userName", "eq", "pr", "and", "or", "not", "(", ")", "[", "]", '"x"', "1", "members", "groups", "é"]
)
SEARCHES = st.fixed_dictionaries(
    {},
    optional={
        "filter": FILTERS | MUTATED | st.lists(WORDS, max_size=9).map(" ".join) | TEXT | st.sampled_from(WHERES),
        "sortBy": PATHS | st.sampled_from(["userName", "emails", "meta.created", "id", "name", "members", "title"]),
        "sortOrder": st.sampled_from(["ascending", "DESCENDING", "up", ""]),
        "startIndex": st.integers(-5, 9).map(str) | TEXT,
        "count": st.integers(-2, 5).map(str) | TEXT,
        "cursor": st.sampled_from(["", "@cursor", "@cursor ", "nonsense"]) | TEXT,
        "attributes": st.lists(PATHS, max_size=3).map(",".join),
        "excludedAttributes": st.lists(PATHS, max_size=3).map(",".join),
    },
)
