"""Which user names are the same, which are not, and which are refused because nobody could tell: docs/scim.md."""

import pytest

from ingress.scim import intake, patch
from models.errors import Refused
from models.text import equality_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@North.example", "ada@north.EXAMPLE"),  # case
        ("zo\u00eb", "zoe\u0308"),  # composed, and with a mark of its own
        ("stra\u00dfe", "STRASSE"),  # full case folding
        ("\u0391\u03a3", "\u03b1\u03c2"),  # the two small sigmas
        (" ada ", "ada"),  # blanks around
        ("\u212bsa", "\u00e5sa"),  # the Angstrom sign is the letter
    ],
)
def test_these_are_one_name(one: str, other: str) -> None:
    assert equality_key(one) == equality_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada", "\u0430da"),  # a Cyrillic letter that looks the same
        ("ada", "\uff41\uff44\uff41"),  # full width: compatibility is not equality
        ("ipek", "\u0131pek"),  # a dotless i
        ("resume", "r\u00e9sum\u00e9"),  # accents count
        ("ad a", "ada"),
    ],
)
def test_these_are_two_names(one: str, other: str) -> None:
    assert equality_key(one) != equality_key(other)


@pytest.mark.parametrize(
    "unseen",
    ["\u200b", "\u200c", "\u200d", "\ufeff", "\u202e", "\u2066", "\u00ad", "\u2028", "\u2029", "\t", "\n", "\x7f",
     "\u3164", "\u2800", "\ufe0f", "\u034f"],
)  # fmt: skip
def test_a_character_that_nobody_sees_is_refused_in_a_user_name(unseen: str) -> None:
    for act in (
        lambda: intake.user({"userName": f"ad{unseen}a"}),
        lambda: patch.parse({"Operations": [{"op": "replace", "path": "userName", "value": f"ad{unseen}a"}]}),
        lambda: patch.parse({"Operations": [{"op": "replace", "value": {"userName": f"ad{unseen}a"}}]}),
    ):
        with pytest.raises(Refused, match=f"userName has the character U\\+{ord(unseen):04X}, which nobody sees"):
            act()
    # Elsewhere it may be meant: a joiner in a name, a direction in a title.
    document = intake.user({"userName": "ada", "displayName": f"ad{unseen}a", "title": f"ad{unseen}a"})
    assert (document["displayName"], document["title"]) == (f"ad{unseen}a", f"ad{unseen}a")


@pytest.mark.parametrize("name", ["åsa@north.example", "山田", "O'Brien", "İpek", "😀", "ada lovelace", "نور"])
def test_any_other_name_is_kept_as_it_is(name: str) -> None:
    assert intake.user({"userName": name})["userName"] == name
