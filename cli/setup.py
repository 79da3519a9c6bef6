"""`escrow init`: the nightly machine joins the vault, with public parts only."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import RefusedError, UsageError

from . import agent_key
from .config import Config, find_config, load_config
from .exits import Exit
from .options import ConfigOption, JsonOption
from .output import Output
from .store_probe import AcceptOption, probe_before
from .vault import connect, store_of

if TYPE_CHECKING:
    from escrow.engine.ports import Progress
    from escrow.record import Charter
    from escrow.store import Store
    from escrow.trust import Finding, History


def init(
    public: Annotated[Path, typer.Option(help="The folder `public` that escrow keys new made.")],
    store: Annotated[str | None, typer.Option(help="Where the vault goes: a folder or s3://bucket/prefix.")] = None,
    source: Annotated[
        list[str] | None, typer.Option(metavar="NAME=PATH", help="A folder to deposit. May be repeated.")
    ] = None,
    accept: AcceptOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Join this machine to a vault: check the public parts, probe the store, put them into it, complete escrow.toml.

    Compare the fingerprint that it prints with the key holder's, by telephone. May be run again.

    \b
    Example: escrow init --public public --store /mnt/nas/fernhill --source mis=/srv/exports
    """
    from .public_parts import read_public
    from .template import create_config

    output = Output(as_json)
    objects, history = read_public(public)
    file = find_config(config)
    made = not file.exists()
    if made:
        create_config(file, store, source or [])
    loaded = load_config(file)
    if not made:
        _check_same(loaded, file, store, source or [])
    with output.progress() as progress:
        charter, findings = join(loaded, objects, history, progress, accept)
    for finding in findings:
        output.note(f"{finding.severity}: {finding.code}: {finding.detail}")
    output.note(f"{file} is {'made' if made else 'complete'}; edit it to your needs")
    if not loaded.copies:
        output.note("the sealed keys lie in one place: add a [[copy]] under another payer, then escrow store copy")
    output.note("compare this fingerprint with the key holder's, by telephone")
    output.row(f"school       {charter.school.name}", school=charter.school.name, vault=history.vault, config=str(file))
    output.finish(Exit.OK, f"fingerprint  {history.fingerprint}", fingerprint=history.fingerprint)


def join(
    loaded: Config, objects: dict[str, bytes], history: "History", progress: "Progress", accept: str | None = None
) -> "tuple[Charter, tuple[Finding, ...]]":
    """Check that vault, store and this machine belong together, put the public parts, complete the configuration.

    A store that lies is refused before anything is put, unless `accept` says why it is taken. Gives what is told of it.
    """
    from escrow.engine.rescue import is_kit

    from .late_events import fitting_deeds
    from .public_folder import is_deed, rescue_kit
    from .template import fill_in

    charter = _check_vault(loaded, history)
    _check_agent(loaded, charter)
    store = connect(store_of(loaded), create=True)
    _check_store(store, history)
    findings = probe_before(loaded, accept, progress)
    until = store.now().replace(microsecond=0) + timedelta(days=charter.cap_days)
    deeds, late = fitting_deeds(store, objects)
    kit = rescue_kit(history.charters)
    objects = {**kit, **{name: data for name, data in objects.items() if not is_deed(name)}, **deeds}
    progress.stage("put the public parts", len(objects))

    def place(one: tuple[str, bytes]) -> tuple[bool, bool, str]:
        return is_kit(one[0]), not is_deed(one[0]), one[0]

    # The rescue kit, keys before the stock that lists them, charters, and what tells of them.
    for name, data in sorted(objects.items(), key=place, reverse=True):
        store.put(name, data, retain_until=until)
        progress.advance(1)
    fill_in(loaded.file, history.vault, history.fingerprint)
    return charter, (*findings, *late)


def _check_same(loaded: Config, file: Path, store: str | None, sources: list[str]) -> None:
    from .template import parse_source

    wanted = {name: path.resolve() for name, path in map(parse_source, sources)}
    known = {one.name: one.path.resolve() for one in loaded.sources if one.path}
    url = store if store is None or "://" in store else str(Path(store).absolute())
    if (url and url != store_of(loaded).url and Path(url) != Path(store_of(loaded).url)) or not (
        wanted.items() <= known.items()
    ):
        hint = "edit the file, or leave the options out"
        raise UsageError("config-differs", f"{file}: expected the same store and sources, found others", hint=hint)


def _check_vault(loaded: Config, history: "History") -> "Charter":
    assert history.charter is not None
    if loaded.vault not in (None, history.vault) or loaded.fingerprint not in (None, history.fingerprint):
        raise RefusedError(
            "vault-differs",
            f"{loaded.file} is of vault {loaded.vault}, the public parts are of {history.vault}",
            hint="take the public parts of this school, or another configuration for another vault",
        )
    return history.charter


def _check_agent(loaded: Config, charter: "Charter") -> None:
    mine = agent_key.load(loaded.state).public().encode()
    if all(agent.key != mine for agent in charter.agents):
        raise RefusedError(
            "agent-unknown",
            "the charter does not name this machine's key",
            hint="give the card of escrow agent card to the key holder, who makes the keys with it",
        )


def _check_store(store: "Store", history: "History") -> None:
    from escrow.engine.fetch import public_objects
    from escrow.trust import accept

    there = accept(public_objects(store, ("charter/",)))
    if there.charter and there.fingerprint != history.fingerprint:
        raise RefusedError(
            "store-other-vault",
            f"{store.describe()} already holds the vault {there.vault} of {there.charter.school.name}",
            hint="give each vault its own folder or prefix",
        )
