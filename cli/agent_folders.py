"""Which folders are the nightly machine's: no holder's key may be written there."""

from pathlib import Path

from escrow.errors import RefusedError

from . import agent_key
from .config import NAME, Config, find_config, load_config

_MARKS = (agent_key.FILE, "state.db")


def refuse_agent_folder(out: Path) -> None:
    """RefusedError `key-on-agent` when `out` is, holds, or lies in a folder that the nightly machine uses."""
    target = out.resolve()
    for folder in (target, *target.parents):
        if any((folder / mark).exists() for mark in _MARKS):
            raise _refused(out, f"{folder} is a nightly machine's state folder")
        if (folder / NAME).exists():
            _refuse_config(out, target, load_config(folder / NAME))
    if target.is_dir():
        for mark in _MARKS:
            if next(target.glob(f"*/{mark}"), None):
                raise _refused(out, "it holds a nightly machine's state folder")
        if (target / NAME).exists():
            raise _refused(out, f"it holds a nightly machine's {NAME}")
    if find_config(None).exists():
        _refuse_config(out, target, load_config(None))


def refuse_agent() -> None:
    """RefusedError `key-on-agent` when this is a nightly machine, by the configuration that a command would find."""
    file = find_config(None)
    if file.exists() and (load_config(file).state / agent_key.FILE).exists():
        hint = "take another computer: the nightly machine never sees a sheet"
        raise RefusedError("key-on-agent", f"this is a nightly machine ({file}): no sheet is typed here", hint=hint)


def _refuse_config(out: Path, target: Path, config: Config) -> None:
    store = config.store.url if config.store and "://" not in config.store.url else None
    for folder in (
        config.state,
        *(source.path for source in config.sources if source.path),
        *([Path(store)] if store else []),
    ):
        if target.is_relative_to(folder.resolve()):
            raise _refused(out, f"{config.file} uses {folder}")


def _refused(out: Path, why: str) -> RefusedError:
    hint = "make the keys on the holder's own machine or medium"
    return RefusedError("key-on-agent", f"{out}: no key is written where a nightly machine works ({why})", hint=hint)
