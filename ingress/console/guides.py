"""The set-up guides, the troubleshooting table and the questions that are asked often, out of `guides.toml`."""

import tomllib
from pathlib import Path

import msgspec


class Value(msgspec.Struct, frozen=True):
    """A field in the IdP's console, by its name there. `value` is `base_url`, `token` or text to enter."""

    field: str
    value: str


class Step(msgspec.Struct, frozen=True):
    """One thing to do. What stands between asterisks is a name on the IdP's screen."""

    text: str
    values: tuple[Value, ...] = ()


class Guide(msgspec.Struct, frozen=True):
    """How a provider is set up, in its own words; `first` is what is needed before."""

    key: str
    name: str
    status: str
    notes: str
    first: str
    steps: tuple[Step, ...]
    afterwards: str
    pulls: bool = False  # for Directory Sync, not for SCIM


class Question(msgspec.Struct, frozen=True):
    """One row of the troubleshooting table; `key` names the facts that answer it."""

    key: str
    issue: str
    cause: str
    solution: str


class Faq(msgspec.Struct, frozen=True):
    """A question that is asked often."""

    question: str
    answer: str


class _File(msgspec.Struct, frozen=True):
    guide: tuple[Guide, ...]
    question: tuple[Question, ...]
    pull_question: tuple[Question, ...]
    faq: tuple[Faq, ...]


_file = msgspec.convert(tomllib.loads((Path(__file__).parent / "guides.toml").read_text()), _File)
GUIDES, QUESTIONS, PULL_QUESTIONS, FAQ = _file.guide, _file.question, _file.pull_question, _file.faq
PUSH_GUIDES = tuple(guide for guide in GUIDES if not guide.pulls)
