"""Paths, PATCH bodies and bulk requests as clients might send them, most of them almost right."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.client import names_password
from tests.fuzz.strategies import (
    ELEMENTS,
    GROUP_BODIES,
    IDS,
    JUNK,
    MEMBERS,
    NOBODY,
    OF_GROUPS,
    OF_USERS,
    PASSWORD,
    SUBS,
    TEXTS,
    USER_BODIES,
    WORDS,
    Json,
    encode,
    odd_case,
    raw,
    seldom,
)  # fmt: skip
from tests.fuzz.world import BADGE, GROUPS, USERS

LITERALS = st.sampled_from(
    ['"work"', '"WORK"', '"a@fuzz.example"', '"b"', '"x"', '""', "true", "False", "null", "7", "2", "-1.5e3", "1e400"]
    + ["work", "@user0", '"@user0"', '"@user1"', '"@group0"', '"nobody"', '"\\u0000"', '"\\ud800"', '"\\"]"', '"\\q"']
    + ['"2020-01-01T00:00:00Z"', '"bulkId:b0"', "'x'", '"', "(", "9" * 400]
) | TEXTS.map(encode)
OPERATORS = odd_case(
    seldom(
        st.sampled_from(["pr", "xx", "", "eqq"]),
        st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]),
    )
)
SUB_NAMES = odd_case(st.sampled_from([*SUBS, "value", "type", "floor", "x", "value.x", "urn:a:b:c", "password"]))
COMPARED = st.tuples(SUB_NAMES, OPERATORS, LITERALS).map(" ".join) | SUB_NAMES.map("{} pr".format)
WITHIN = st.recursive(
    seldom(COMPARED, st.sampled_from(["value", "type"]).flatmap(lambda sub: LITERALS.map(f"{sub} eq {{}}".format)), 2),
    lambda inner: (
        st.tuples(inner, odd_case(st.sampled_from([" and ", " or ", " ", " not "])), inner).map("".join)
        | inner.map("({})".format)
        | inner.map("not ({})".format)
    ),
    max_leaves=4,
)


def paths(attributes: Mapping[str, Any]) -> st.SearchStrategy[str]:
    """Paths by the grammar, with a filter or a part now and then, and some that are damaged."""
    more = [
        "emails",
        "roles",
        BADGE,
        f"{BADGE}:tags",
        f"{BADGE}:desk",
        *["members"] * (8 if "members" in attributes else 1),
    ]
    names = odd_case(st.sampled_from([*attributes, *more]))
    parts = SUB_NAMES.map(".{}".format)
    filtered = st.tuples(names, WITHIN, st.just("") | parts).map(lambda three: f"{three[0]}[{three[1]}]{three[2]}")
    member = st.sampled_from([*USERS, NOBODY]).map('members[value eq "{}"]'.format)
    sound = st.one_of(
        names, filtered, member if "members" in attributes else names, st.tuples(names, parts).map("".join)
    )
    return seldom(damaged(sound) | TEXTS, sound)


def damaged(sound: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts with a piece put in or a few characters taken out."""
    pieces = st.sampled_from(
        ["", " ", ".", ":", "[", "]", '"', "(", ")", "\\", "\x00", "\ud800", "é", "x" * 1000, "[a eq 1]"]
    )
    return st.tuples(sound, st.integers(0, 90), st.integers(0, 3), pieces).map(
        lambda four: four[0][: four[1]] + four[3] + four[0][four[1] + four[2] :]
    )


def valued(path: str, attributes: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[tuple[str, Any]]:
    """A path with a value that fits it, elements of one, or anything."""
    if names_password(path):
        return st.tuples(st.just(path), PASSWORD)
    return st.tuples(st.just(path), st.one_of(attributes.get(path, ELEMENTS), ELEMENTS, JUNK, MEMBERS))


def pairs(attributes: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[tuple[str, Any]]:
    """Paths with values."""
    return paths(attributes).flatmap(lambda path: valued(path, attributes))


OPS = odd_case(
    seldom(st.sampled_from(["move", "", "delete"]) | JUNK.map(str), st.sampled_from(["add", "replace", "remove"]), 20)
)


def _operation(op: str, pair: tuple[str, Any], leave: str, case: int) -> Json:
    made = {"op": op, "path": pair[0], "value": pair[1]}
    # Without its path nothing would tell that it is one's password.
    made.pop("value" if leave == "path" and names_password(pair[0]) else leave, None)
    return {
        name.capitalize() if case == 1 else name.upper() if case == 2 else name: part for name, part in made.items()
    }


def operations(attributes: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Operations with a path, without one (whose value is an object with paths for keys), and junk."""
    leave = st.sampled_from(["", "", "", "", "value", "path", "op"])
    with_path = st.builds(_operation, OPS, pairs(attributes), leave, st.integers(0, 9))
    values = st.lists(pairs(attributes), max_size=4).map(dict)
    sets = seldom(OPS, st.sampled_from(["add", "Replace"]), 20)
    keyed = st.builds(
        _operation, sets, st.tuples(st.just(""), values), st.sampled_from(["path", ""]), st.integers(0, 9)
    )
    return seldom(JUNK, with_path | keyed, 30)


def patches(attributes: Mapping[str, st.SearchStrategy[Any]], least: int, most: int) -> st.SearchStrategy[Json]:
    """PATCH bodies of so many operations."""
    listed = st.lists(operations(attributes), min_size=least, max_size=most)
    return st.fixed_dictionaries({"Operations": listed})


def aimed(names: tuple[str, ...], kind: str, of: st.SearchStrategy[Json]) -> st.SearchStrategy[tuple[str, str]]:
    """The path of one that is there, and a body for it."""
    return st.tuples(st.sampled_from(names).map(lambda name: f"/{kind}/{name}"), seldom(raw(of), of.map(encode), 10))


USER_PATCHES, GROUP_PATCHES = patches(OF_USERS, 1, 6), patches(OF_GROUPS, 1, 5)
ONE = aimed(USERS, "Users", patches(OF_USERS, 1, 1)) | aimed(GROUPS, "Groups", patches(OF_GROUPS, 1, 1))
SEVERAL = aimed(USERS, "Users", USER_PATCHES) | aimed(GROUPS, "Groups", GROUP_PATCHES)

BULK_IDS = st.sampled_from([f"b{n}" for n in range(4)])
REFERENCES = seldom(IDS, BULK_IDS.map("bulkId:{}".format), 3)
REFERRING_USERS = st.tuples(USER_BODIES, st.sampled_from(["manager", "Manager", "externalId"]), REFERENCES).map(
    lambda three: {**three[0], three[1]: three[2]}
)
REFERRING_GROUPS = st.tuples(GROUP_BODIES, st.lists(REFERENCES, max_size=3)).map(
    lambda two: {**two[0], "members": [{"value": one} for one in two[1]]}
)
MEMBERSHIP = st.tuples(OPS, REFERENCES, st.booleans()).map(
    lambda three: {
        "Operations": [
            {"op": three[0], "path": "members", "value": [{"value": three[1]}]}
            if three[2]
            else {"op": three[0], "path": f'members[value eq "{three[1]}"]'}
        ]
    }
)
DATA = st.one_of(
    REFERRING_USERS, REFERRING_GROUPS, USER_BODIES, GROUP_BODIES, USER_PATCHES, GROUP_PATCHES, MEMBERSHIP, JUNK
)
THERE = seldom(IDS | TEXTS, st.sampled_from([*USERS, *GROUPS]) | BULK_IDS.map("bulkId:{}".format), 6)
AIMS = st.sampled_from(["/Users", "/Groups"]) | THERE.map(
    lambda one: f"/Groups/{one}" if "group" in one else f"/Users/{one}"
)
ODD_AIMS = st.sampled_from(
    ["", "Users", "/Users/", "//Users", "/users", "/Bulk", "/Me", "/Users/a/b", "/Groups/bulkId:b1"]
)
VERSIONS = st.sampled_from(['W/"1"', 'W/"2"', "*", "", "x"]) | JUNK


def _fitting(aim: str) -> st.SearchStrategy[str]:
    usual = ["POST"] if aim.count("/") < 2 else ["PUT", "PATCH", "DELETE"]
    return seldom(odd_case(st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "GET", ""])), st.sampled_from(usual))


def _data(method: str, aim: str) -> st.SearchStrategy[Any]:
    groups = aim.startswith("/Groups")
    patch = GROUP_PATCHES | MEMBERSHIP if groups else USER_PATCHES
    whole = REFERRING_GROUPS | GROUP_BODIES if groups else REFERRING_USERS | USER_BODIES
    return seldom(DATA, patch if method == "PATCH" else whole)


def _bulk_operation(two: tuple[str, str]) -> st.SearchStrategy[Json]:
    method, aim = two
    return st.fixed_dictionaries(
        {"method": st.just(method), "path": st.just(aim), "bulkId": seldom(WORDS | JUNK, BULK_IDS, 10)},
        optional={"data": _data(method, aim), "version": VERSIONS} if method == "DELETE" else {"version": VERSIONS},
    ).flatmap(lambda one: _data(method, aim).map(lambda data: one if method == "DELETE" else {**one, "data": data}))


BULK_OPERATIONS = (
    seldom(ODD_AIMS, AIMS, 8).flatmap(lambda aim: st.tuples(_fitting(aim), st.just(aim))).flatmap(_bulk_operation)
)
BULK = st.fixed_dictionaries(
    {"Operations": seldom(JUNK | st.lists(JUNK, max_size=2), st.lists(BULK_OPERATIONS, max_size=7), 20)},
    optional={"failOnErrors": seldom(JUNK, st.integers(0, 3)), "schemas": JUNK},
)


def _referring(ones: list[tuple[str, str]]) -> list[Json]:
    return [
        {"method": "POST", "path": "/Users", "bulkId": f"b{n}", "data": {"userName": name and f"C{n}", "manager": one}}
        for n, (one, name) in enumerate(ones)
    ]  # fmt: skip


def _linked(number: int, many: int, first: str, circle: bool) -> Json:
    following = f"bulkId:b{(number + 1) % many}" if circle or number + 1 < many else None
    data: Json = {"userName": f"Chain {number}" if number else first, "manager": following}
    if number:
        data["x509Certificates"] = [{"value": f"bulkId:b{number - 1}"}]
    return {"method": "POST", "path": "/Users", "bulkId": f"b{number}", "data": data}


def _group_of(ones: list[tuple[str, str]]) -> Json:
    data = {"displayName": "Circle", "members": [{"value": one} for one, _ in ones]}
    return {"method": "POST", "path": "/Groups", "bulkId": "g", "data": data}


# Posts whose managers are each other: forward, backward and in circles, of a group's members too.
CIRCLES = st.lists(st.tuples(REFERENCES, seldom(st.just(""), st.just("Circle"))), min_size=2, max_size=4).map(
    lambda ones: {"Operations": [*_referring(ones), _group_of(ones)]}
)
# Neighbours that refer to each other, the first of whom may fail.
CHAINS = st.tuples(st.integers(2, 40), st.sampled_from(["", "user0@fuzz.example", "Chain"]), st.booleans()).map(
    lambda three: {"Operations": [_linked(n, *three) for n in range(three[0])]}
)
BULKS = seldom(raw(BULK), BULK.map(encode), 12) | CIRCLES.map(encode) | CHAINS.map(encode)
