"""What a Dockerfile says, as far as ours goes: instructions with their words, and the stages that they make."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


class Instruction(NamedTuple):
    """One of them: its name, and the rest of its line."""

    name: str
    rest: str

    def words(self) -> list[str]:
        """The words of a JSON list, else those between spaces."""
        return list(map(str, json.loads(self.rest))) if self.rest.startswith("[") else self.rest.split()

    def pairs(self) -> dict[str, str]:
        """NAME=value of ENV and LABEL."""
        found = re.findall(r'([\w.]+)=("[^"]*"|\S+)', self.rest)
        return {name: value.strip('"') for name, value in found}


class Stage(NamedTuple):
    """From one FROM to the next."""

    base: str
    name: str
    instructions: list[Instruction]

    def last(self, name: str) -> Instruction:
        """The instruction of this name that counts."""
        return [each for each in self.instructions if each.name == name][-1]

    def all(self, name: str) -> list[Instruction]:
        """Every instruction of this name."""
        return [each for each in self.instructions if each.name == name]


def parse(text: str) -> list[Instruction]:
    """The instructions, continued lines joined, comments left out."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [Instruction(name.upper(), rest.strip()) for name, _, rest in (x.partition(" ") for x in joined.split("\n"))]


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$NAME` and `${NAME}` replaced."""
    return _VARIABLE.sub(lambda found: variables.get(found[1] or found[2], ""), text)


def stages(instructions: Iterable[Instruction]) -> list[Stage]:
    """What each FROM begins; an ARG before the first gives its default."""
    found: list[Stage] = []
    defaults: dict[str, str] = {}
    for each in instructions:
        if each.name == "FROM":
            base, *alias = expand(each.rest, defaults).split()
            found.append(Stage(base, alias[-1] if alias else "", []))
        elif found:
            found[-1].instructions.append(each)
        else:
            name, _, value = each.rest.partition("=")
            defaults[name] = value
    return found


def ours() -> list[Stage]:
    """The stages of the repository's Dockerfile."""
    return stages(parse((ROOT / "Dockerfile").read_text()))
