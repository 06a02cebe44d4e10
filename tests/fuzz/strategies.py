"""Values, attributes and whole documents as clients might send them, most of them almost right."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from tests.factories import ENTERPRISE, USER
from tests.fuzz.world import BADGE, GROUPS, SECRET, USERS

Json = dict[str, Any]
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_NUMBER = re.compile(r'"number:([^"]*)"')
_CASES: tuple[Callable[[str], str], ...] = (str, str, str, str.lower, str.upper, str.swapcase, str.capitalize)


def odd_case(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """The texts, some of them in another case."""
    return st.tuples(texts, st.sampled_from(_CASES)).map(lambda two: two[1](two[0]))


def seldom(odd: st.SearchStrategy[Any], usual: st.SearchStrategy[Any], one_in: int = 5) -> st.SearchStrategy[Any]:
    """Mostly the usual."""
    return st.integers(1, one_in).flatmap(lambda n: odd if n == one_in else usual)


def encode(value: Any) -> str:
    """The value as JSON; what begins with "number:" stands for a number as it is spelt."""
    return _NUMBER.sub(r"\1", json.dumps(value))


GOOD = [
    *(
        "Mila",
        "mila",
        "MILA ",
        "a@x.example",
        "A@X.EXAMPLE",
        "7",
        "é",
        "e\u0301",
        "ß",
        "ss",
        "İ",
        "\u0390",
        "Ω",
        "\u212b",
    ),
    *("work", "home", "True", "false", "null", '"', "\\", "'", "%", "_", "%s", "{}", "a,b", "a.b", "a:b", "a b", " "),
    *(
        "\x1f",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufeff",
        "\uffff",
        "\u200b",
        "\U0001f600",
        "²",
        "x" * 251,
        "bulkId:b0",
        "bulkId:",
    ),
    *("2020-01-01T00:00:00Z", "user0@fuzz.example", "Team 0", "<b>", "password", "\r\n", "\t", "a/b", "[x]", 'x" or "'),
    *("1e400", "٣", "urn:a:b:c", "$ref", *USERS),
]
WORDS = seldom(
    st.sampled_from(["\x00", "\ud800", "\udc00", "x" * 1001, "ß" * 600, "İ" * 400]), st.sampled_from(GOOD), 30
)
TEXTS = seldom(st.text(max_size=12), WORDS, 4)
NUMBERS = st.sampled_from(
    [0, 1, -1, 2**31, 2**53 + 1, 2**63, 2**64, -(2**70), 10**30, 10**400, 0.1, 1e16, 1.5e300, 1e-7, 5e-324]
    + ["number:1e999", "number:-1e999", "number:1e-400", "number:-0.0", "number:-0", "number:1E5", "number:1.0"]
    + ["number:123456789012345678901234567890.5", "number:0.1000000000000000055511151231257827", "number:NaN"]
    + ["number:01", "number:Infinity", f"number:{'9' * 5000}", "number:1e16", "number:1.7976931348623157e308"]
) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
SUBS = [
    "value",
    "type",
    "primary",
    "display",
    "$ref",
    "formatted",
    "givenName",
    "familyName",
    "locality",
    "displayName",
]
NAMES = odd_case(
    st.sampled_from([*SUBS, "id", "password", "x", "", "managerId", "a.b", "a b", "a:b", "schemas", "\x00"])
)
JUNK = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
DEEP = st.sampled_from([5, 30, 31, 32, 33, 200]).map(lambda depth: json.loads('{"a":' * depth + "[7]" + "}" * depth))


def some(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object with some of these members, in odd case now and then, and maybe one more."""
    usual = st.fixed_dictionaries({}, optional=parts)
    odd = st.tuples(usual, st.sampled_from(_CASES), st.dictionaries(NAMES, JUNK, max_size=2)).map(
        lambda three: {**{three[1](name): value for name, value in three[0].items()}, **three[2]}
    )
    return seldom(odd, usual)


ELEMENT = some(value=TEXTS, type=WORDS, primary=st.booleans() | WORDS, display=TEXTS) | TEXTS
ELEMENTS = st.lists(ELEMENT, max_size=4) | ELEMENT
ADDRESSES = st.lists(
    some(formatted=TEXTS, locality=TEXTS, country=TEXTS, type=WORDS, primary=st.booleans()), max_size=3
)
PERSON = some(formatted=TEXTS, familyName=TEXTS, givenName=TEXTS, middleName=TEXTS, honorificPrefix=TEXTS)
MANAGER_OBJECT = some(**{"value": TEXTS, "$ref": TEXTS, "displayName": TEXTS, "managerId": TEXTS})
MANAGER = MANAGER_OBJECT | TEXTS | st.lists(MANAGER_OBJECT | TEXTS, max_size=2)
PASSWORD = st.just(SECRET) | st.just([SECRET]) | st.just({"value": SECRET})
HIDDEN = st.sampled_from(
    [{"password": SECRET}, [{"Password": SECRET, "x": 1}, 2], {"a": {"PASSWORD": [SECRET]}}, {"urn:a:password": SECRET}]
)
OTHER = st.dictionaries(
    odd_case(
        st.sampled_from(["badge", "tags", "desk", "floor", "x", "", "a.b", "a:b", "é", "\x00", "$ref", "n" * 1100])
    ),
    JUNK | st.lists(ELEMENT, max_size=3) | DEEP | HIDDEN,
    max_size=4,
)
ENTERPRISES = st.fixed_dictionaries(
    {},
    optional={
        "employeeNumber": TEXTS, "department": TEXTS, "Division": TEXTS, "manager": MANAGER, "password": PASSWORD,
        "costCenter": JUNK, "other": JUNK, "userName": TEXTS,
    },
)  # fmt: skip
NOBODY = "00000000-0000-7000-8000-000000000000"
IDS = st.sampled_from(
    [*USERS, *USERS, *GROUPS, NOBODY, "nobody", "", "@USER0", "bulkId:b0", "bulkId:zz"]
    + ["0" * 36, "../Users", "x" * 300, "\x00", "\ud800"]
)
MEMBER = some(
    **{"value": IDS, "$ref": IDS | st.none(), "type": st.sampled_from(["User", "Group", "x"]), "display": TEXTS}
)
MEMBERS = seldom(
    MEMBER | IDS | st.lists(IDS, max_size=3) | JUNK | st.lists(MEMBER | JUNK, max_size=3),
    st.lists(st.sampled_from([*USERS, *USERS, NOBODY]).map(lambda one: {"value": one}), max_size=4),
    3,
)
TEXTUAL = ["nickName", "profileUrl", "title", "userType", "preferredLanguage", "locale", "timezone", "department"]
BOTH: Mapping[str, st.SearchStrategy[Any]] = {
    "externalId": TEXTS, "id": IDS, "meta": JUNK, "schemas": st.lists(WORDS, max_size=2) | JUNK, "password": PASSWORD,
    "urn:a:b": OTHER, "urn:a": OTHER, "urn::": JUNK, "urn:": JUNK, "urn:a:b:c.d": JUNK, "x": JUNK, "": JUNK,
    "urn:a:b:password": PASSWORD, "displayName": TEXTS, USER: JUNK, GROUP: some(displayName=TEXTS, externalId=TEXTS),
}  # fmt: skip
OF_USERS: Mapping[str, st.SearchStrategy[Any]] = {
    **BOTH,
    **dict.fromkeys(TEXTUAL, TEXTS),
    **dict.fromkeys(("emails", "phoneNumbers", "ims", "entitlements", "roles", "x509Certificates", "photos"), ELEMENTS),
    "userType": seldom(st.just("x" * 270_000), TEXTS, 10),
    "active": st.booleans() | WORDS, "name": PERSON, "addresses": ADDRESSES, "groups": MEMBERS, "manager": MANAGER,
    "employeeNumber": TEXTS, "name.givenName": TEXTS, "emails.value": TEXTS, "manager.value": TEXTS,
    USER: st.fixed_dictionaries({}, optional={"userName": TEXTS, "Active": st.booleans(), "name": PERSON, "x": JUNK}),
    ENTERPRISE: ENTERPRISES | JUNK, ENTERPRISE.replace(":User", "User"): ENTERPRISES, f"{ENTERPRISE}:manager": MANAGER,
    f"{ENTERPRISE}.department": TEXTS, f"{USER}:title": TEXTS, f"{USER}:name.givenName": TEXTS, BADGE: OTHER | JUNK,
    f"{ENTERPRISE}:department.value": TEXTS, f"{ENTERPRISE}:manager.type": TEXTS, f"{USER}:emails.value": TEXTS,
    f"{USER}:emails.x": TEXTS, "emails.type": TEXTS, f"{BADGE}:badge": JUNK, f"{BADGE}:desk.floor": JUNK,
    f"{BADGE}.badge": JUNK, f"{BADGE}:password": PASSWORD,
}  # fmt: skip
GROUP_BADGE = BADGE.replace("User", "Group")
OF_GROUPS: Mapping[str, st.SearchStrategy[Any]] = {
    **BOTH, "members": MEMBERS, "Members": MEMBERS, "userName": TEXTS, "emails": ELEMENTS, GROUP_BADGE: OTHER | JUNK,
    f"{GROUP_BADGE}:badge": JUNK, f"{GROUP}:displayName": TEXTS, f"{GROUP}:members": MEMBERS, BADGE: OTHER,
}  # fmt: skip


def members_of(attributes: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[tuple[str, Any]]:
    """A name and a value that mostly fits it."""
    return st.sampled_from([*attributes, *(name for name in attributes if "urn:" in name)]).flatmap(
        lambda name: st.tuples(
            odd_case(st.just(name)), seldom(JUNK, attributes[name], 12) if "password" not in name else PASSWORD
        )
    )


def bodies(name: str, attributes: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Json]:
    """Objects that mostly have the required name."""
    names = seldom(TEXTS | JUNK, st.integers(0, 999).map(lambda n: f"New {n}"))
    named = seldom(st.just({}), st.fixed_dictionaries({name: names}))
    more = st.lists(members_of(attributes), min_size=1, max_size=7).map(dict)
    return st.tuples(named, more).map(lambda two: {**two[0], **two[1]})


USER_BODIES, GROUP_BODIES = bodies("userName", OF_USERS), bodies("displayName", OF_GROUPS)


def _joined(two: tuple[Json, Json]) -> str:
    """One object with the members of two, so that names may come twice."""
    parts = [encode(one)[1:-1] for one in two if one]
    return f"{{{','.join(parts)}}}"


def raw(of: st.SearchStrategy[Json]) -> st.SearchStrategy[str]:
    """Bodies as text: mostly as they are, else with names twice, escapes or nothing like JSON."""
    plain = of.map(encode)
    twice = st.tuples(of, of).map(_joined)
    escaped = twice.map(lambda text: text.replace("p", "\\u0070").replace("A", "\\u0041"))
    spaced = plain.map(lambda text: f"\ufeff{text}" if len(text) % 2 else f" \r\n{text}\t ")
    unescaped = of.map(lambda body: _NUMBER.sub(r"\1", json.dumps(body, ensure_ascii=False)))
    large = seldom(plain.map(lambda text: text + " " * 2**20), plain)
    return seldom(twice | escaped | spaced | unescaped | large, plain, 3)


BYTES = st.binary(max_size=80) | st.tuples(
    raw(USER_BODIES | GROUP_BODIES), st.integers(0, 300), st.binary(max_size=3)
).map(lambda three: three[0].replace(SECRET, "")[: three[1]].encode("utf-8", "surrogatepass") + three[2])
OF_KIND = {"Users": (USER_BODIES, USERS), "Groups": (GROUP_BODIES, GROUPS)}
TAGS = st.sampled_from([b"*", b'W/"1"', b'"1"', b'W/"2"', b"", b"\xff", b'W/"1.0", "7"', b'"' * 9, b'W/"99999999999"'])
CONDITIONS = st.lists(st.tuples(st.sampled_from([b"if-match", b"if-none-match"]), TAGS), max_size=1)


def documents(kind: str) -> st.SearchStrategy[tuple[str, str, str]]:
    """Method, path and body of a write."""
    of, names = OF_KIND[kind]
    there = st.sampled_from(names).map(lambda name: ("PUT", f"/{kind}/{name}"))
    return st.tuples(st.just(("POST", f"/{kind}")) | there, raw(of)).map(lambda two: (*two[0], two[1]))


DOCUMENTS = documents("Users") | documents("Groups")
