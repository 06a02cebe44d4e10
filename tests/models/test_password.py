"""Passwords as they are stored, with the parameters that serve (other tests take cheap ones)."""

import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

from models import password


def test_the_parameters_are_not_below_those_recommended() -> None:
    # argon2-cffi recommends RFC 9106's second choice, which is above OWASP's 19 MiB and two rounds.
    found = extract_parameters(password.digest("right"))

    assert found.type == Type.ID
    assert found.memory_cost >= max(RFC_9106_LOW_MEMORY.memory_cost, 19 * 1024)
    assert found.time_cost >= max(RFC_9106_LOW_MEMORY.time_cost, 2)
    assert found.salt_len >= 16
    assert found.hash_len >= 32


def test_nobodys_digest_is_as_much_work_as_somebodys() -> None:
    nobody = password.nobody()

    assert extract_parameters(nobody) == extract_parameters(password.digest("right"))
    with pytest.raises(VerifyMismatchError):  # computed and compared, and not refused before
        PasswordHasher().verify(nobody, "right")
    assert password.nobody() != nobody


@pytest.mark.parametrize(
    ("given", "right"), [("right", True), ("wrong", False), ("", False), ("r" * (password.LONGEST + 1), False)]
)
def test_a_password_matches_its_own_digest(given: str, right: bool) -> None:
    assert password.matches(password.digest("right"), given) is right


def test_what_is_no_digest_matches_nothing() -> None:
    assert password.matches("!", "!") is False


def test_a_password_that_is_too_long_is_not_digested_to_be_compared() -> None:
    long = "x" * (password.LONGEST + 1)

    assert password.matches(password.digest(long), long) is False
