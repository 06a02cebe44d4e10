"""The corpus: every file that is kept, and mutations of them for a fifth of MUSTER_FUZZ_SECONDS a target (2 s)."""

import os
import random
import time

import pytest

from tests.fuzz.targets import CORPUS, TARGETS, mutated

SECONDS = float(os.environ.get("MUSTER_FUZZ_SECONDS") or 10) / 5
KEPT = [file for name in TARGETS for file in sorted((CORPUS / name).iterdir())]
every_target = pytest.mark.parametrize("name", TARGETS)


@pytest.mark.parametrize("file", KEPT, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_what_is_kept_is_understood_or_refused(file: object) -> None:
    TARGETS[file.parent.name](file.read_bytes())  # type: ignore[attr-defined]


@every_target
def test_what_is_nearly_so_is_understood_or_refused(name: str) -> None:
    kept = [file.read_bytes() for file in sorted((CORPUS / name).iterdir())]
    seed = random.randrange(2**32)
    choose, until, tried = random.Random(seed), time.monotonic() + SECONDS, 0
    while time.monotonic() < until:
        data = mutated(choose, kept)
        try:
            TARGETS[name](data)
        except Exception as error:
            error.add_note(f"keep it as tests/fuzz/corpus/{name}/…: {data!r}")
            raise
        tried += 1
    assert tried


def test_every_folder_of_the_corpus_has_its_target() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == TARGETS.keys()
