"""A use of keys: for a purpose of the charter, by whoever may, and with an event that tells of it."""

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import IntegrityError, RefusedError, UsageError, WrongKeyError

from .custodian_key import read_custodian
from .handover_parts import clock, custodian_board, open_board, put_or_keep
from .options import CustodianOption, KeyOption, LetterboxOption, ShareOption, SheetsOption
from .output import Output
from .unlock import Means
from .vault import OpenVault

if TYPE_CHECKING:
    from escrow.custody.release import Board
    from escrow.engine.reading import CompartmentView
    from escrow.seal import SigningKey
    from escrow.trust import Snapshot

DEEDS = "deeds"
_PurposeOption = Annotated[str, typer.Option("--purpose", help="The charter's purpose for which keys are used.")]


@dataclass(frozen=True, slots=True)
class Use:
    """With what a vault is opened, and for which purpose. `custodian`: a custodian's key file, after a release."""

    means: Means
    purpose: str
    custodian: str | None = None

    def __bool__(self) -> bool:
        return bool(self.means) or self.custodian is not None


def with_keys(purpose: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command with the options of a use of keys in the place of its parameter `use`; `purpose` unless one is said."""

    def given(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command)
        keys = [
            option.replace(default=purpose) if option.name == "purpose" else option
            for option in inspect.signature(_use_of).parameters.values()
        ]
        parameters = [
            one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for each in own.parameters.values()
            for one in (keys if each.name == "use" else (each,))
        ]

        @functools.wraps(command)
        def run(**options: object) -> None:
            use = _use_of(**{key.name: options.pop(key.name) for key in keys})  # type: ignore[arg-type] # as declared
            command(use=use, **options)

        run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return given


def _use_of(
    key: KeyOption = None,
    share: ShareOption = None,
    letterbox: LetterboxOption = None,
    sheets: SheetsOption = False,
    custodian: CustodianOption = None,
    purpose: _PurposeOption = "",
) -> Use:
    use = Use(Means(key, tuple(share or ()), letterbox, sheets), purpose, custodian)
    if use.means and custodian is not None:
        raise UsageError("key-both", "expected holders' keys or a custodian's, found both", hint="leave one out")
    return use


def open_nights(
    output: Output, vault: OpenVault, use: Use, nights: "Sequence[Snapshot]", only: Sequence[str] = ()
) -> "list[list[CompartmentView]]":
    """The compartments of each night, opened; a custodian's are those that were released to it.

    RefusedError `event-purpose` before anything is opened, and all that opening raises. The event that tells of it
    never stops a restore: where it cannot be put it is left in the state folder, and told.
    """
    from escrow.engine.reading import open_snapshot

    history = vault.history
    check_purpose(vault, use)
    board = board_of(vault, use)
    chosen = only
    if use.custodian is not None and not only:
        known = history.handover.keys_of([key.public() for key in board.keys])
        parts = {part.compartment for night in nights for part in night.parts if part.key in known}
        chosen = sorted(parts)
        if not chosen:
            hint = "escrow handover status shows what was released to whom"
            raise WrongKeyError("key-not-released", "no series of this night was released to this key", hint=hint)
    views = [open_snapshot(vault.store, history, night, board.opener, chosen) for night in nights]
    parts_used = {
        (part.key, part.series) for night in nights for part in night.parts if not chosen or part.compartment in chosen
    }
    leave_event(output, vault, use, board.keys, parts_used)
    return views


def check_purpose(vault: OpenVault, use: Use) -> None:
    """RefusedError `event-purpose`; asked before anything is opened."""
    from escrow.trust.handover import purposes_of

    charter = vault.history.charter
    assert charter is not None
    known = purposes_of(charter, vault.history.handover)
    if use.purpose not in known:
        found = f"expected a purpose of the charter ({', '.join(sorted(known))}), found {use.purpose!r}"
        raise RefusedError("event-purpose", found, hint="say it with --purpose, or amend the charter")


def board_of(vault: OpenVault, use: Use) -> "Board":
    """Who opens and signs: a custodian, a quorum, or the one holder."""
    if use.custodian is not None:
        return custodian_board(read_custodian(use.custodian), vault.history, vault.store)
    return open_board(use.means, vault.history)


def leave_event(
    output: Output,
    vault: OpenVault,
    use: Use,
    signers: "Sequence[SigningKey]",
    parts: "set[tuple[str, str]]",
    details: str = "",
) -> None:
    """Tell of a use of keys, each with a series, by an event in the store; in the state folder where that fails.

    `details` may identify a person: they are sealed to custody and custodian."""
    from escrow.custody.deeds import next_event, seal_details, sign_event

    try:
        event = replace(
            next_event(vault.history, "key-use", signers, clock()),
            purpose=use.purpose,
            keys=tuple(sorted({key for key, _ in parts})) or None,
            series=tuple(sorted({series for _, series in parts})) or None,
            sealed=seal_details(vault.history, details) if details else None,
        )
        name, data = sign_event(vault.history, event, signers)
    except (IntegrityError, RefusedError) as error:
        output.note(f"{error.code}: this use of keys is not recorded ({error})")
        return
    put_or_keep(output, vault.config, vault.history, [(name, data)], vault.config.state / DEEDS)
