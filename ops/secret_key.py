"""The key of a `muster up`: a file in its data folder, made once, unless the environment names another."""

import os
from pathlib import Path

from ops.settings import PREFIX, WrongSetting, given_as, keys_in

VARIABLE = f"{PREFIX}SECRET_KEY"
NAME = "secret_key"


def handed_on(folder: Path) -> dict[str, str]:
    """What processes are told of the key: as the environment has it, else the folder's file. WrongSetting where it
    cannot be used."""
    given = given_as("secret_key")
    file = os.environ.get(f"{VARIABLE}_FILE")
    if given is None:
        file = str(_made_once(folder))
        given = Path(file).read_text()
    try:
        keys_in(given)
    except WrongSetting as error:
        raise WrongSetting(f"{error} (in {file})" if file else str(error)) from None
    return {f"{VARIABLE}_FILE": str(Path(file).absolute())} if file else {VARIABLE: given}


def _made_once(folder: Path) -> Path:
    """The folder's key file. Whoever holds the folder's lock makes it, whole and on disk before anything is sealed."""
    file, draft = folder / NAME, folder / f"{NAME}.new"
    if file.exists():
        return file
    from ops.vault import new_key  # loads a large library, once in a folder's life

    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as made:
        owner = folder.stat()
        if os.fstat(made.fileno()).st_uid != owner.st_uid:
            os.fchown(made.fileno(), owner.st_uid, owner.st_gid)
        made.write(f"{new_key()}\n")
        made.flush()
        os.fsync(made.fileno())
    draft.replace(file)
    return file
