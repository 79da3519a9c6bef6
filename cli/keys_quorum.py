"""`escrow keys ceremony / reshare / rekey / check / seal-share / letterbox`: keys of several holders, on paper."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import UsageError

from .exits import Exit
from .options import JsonOption, LetterboxOption, ShareOption
from .output import Output

if TYPE_CHECKING:
    from escrow.custody.quorum import Draft
    from escrow.seal.shares import Share
    from escrow.trust import History

OutOption = Annotated[Path, typer.Option(help="New folder, for the public parts and the minutes.")]
PublicOption = Annotated[Path, typer.Option(help="The vault's public parts: the folder public, or the vault's own.")]
PolicyOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who holds the sheets: simple, community, academy or church.")
]
GroupOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME:NEEDED:ROLE,..", help="A group of a policy of your own; @custodian or @other after a role."
    ),
]
GroupsOption = Annotated[int, typer.Option(min=1, max=16, help="How many of the groups open the vault.")]
PagesOption = Annotated[
    Path | None, typer.Option("--print", metavar="DIR", help="Print sheets by way of PDFs in this folder.")
]
PostOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ROLE=RECIPIENT", help="A holder who is not in the room: a letterbox (age1pq..) or a custodian's card."
    ),
]
CallOption = Annotated[list[str] | None, typer.Option(metavar="LINE", help="Whom to call, for the sheets.")]
OnlineOption = Annotated[
    str | None, typer.Option("--online-minuted", metavar="REASON", help="Why this machine is on a network.")
]
OldKeyOption = Annotated[str | None, typer.Option("--key", metavar="FILE", help="The custody.key of keys new.")]


def ceremony(
    out: OutOption,
    school: Annotated[str | None, typer.Option(help="The school's name; left out with --charter.")] = None,
    agent: Annotated[
        list[Path] | None, typer.Option(metavar="CARD", help="A nightly machine's card. May be repeated.")
    ] = None,
    charter: Annotated[
        Path | None,
        typer.Option(metavar="TOML", help="The whole text of escrow charter new --type, in its first version."),
    ] = None,
    urn: Annotated[str | None, typer.Option(help="The school's URN, 6 digits.")] = None,
    laestab: Annotated[str | None, typer.Option(help="The school's LAESTAB, 7 digits.")] = None,
    policy: PolicyOption = None,
    group: GroupOption = None,
    groups_needed: GroupsOption = 1,
    compartment: Annotated[
        list[str] | None, typer.Option(metavar="NAME:NIGHTS:KEEP_DAYS", help="As for keys new.")
    ] = None,
    cap_days: Annotated[
        int | None, typer.Option(help="No object is locked for longer than this. [default: 2000]")
    ] = None,
    rescue: Annotated[
        str | None, typer.Option(metavar="HASH", help="The rescue kit's SHA-256, for the sheets; else this version's.")
    ] = None,
    pages: PagesOption = None,
    post: PostOption = None,
    call: CallOption = None,
    online_minuted: OnlineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new vault's keys for several holders, on paper sheets. A dialogue for one room, off the network.

    Nobody alone can open the vault; a quorum can. See docs/ceremony.md for the script. OUT/public goes to the nightly
    machine, then escrow init. With --charter everything that was agreed stands in the first version.

    \b
    Example: escrow keys ceremony --school "Fernhill School" --agent server.card --policy community --out stick
    """
    from escrow.custody.policies import POLICIES
    from escrow.record import School
    from escrow.recovery import kit_sha256

    from .ceremony_plan import plan_of, whole_of
    from .desk import Terminal
    from .holders import policy_from, room_of
    from .holding import hold_new

    rescue = rescue or kit_sha256()
    if not re.fullmatch(r"[0-9a-f]{64}", rescue):
        raise UsageError("rescue-hash", "expected the 64 digits of a SHA-256 in lower case, found other text")
    options = {"--school": school, "--urn": urn, "--laestab": laestab}
    whole = whole_of(charter, options | {"--compartment": compartment, "--cap-days": cap_days}, agent or [])
    named = School(name=school or "(of the text)", urn=urn, laestab=laestab)
    plan = plan_of(named, agent or [], compartment, cap_days)
    wanted = policy_from(policy, group or [], groups_needed) or POLICIES["simple"]
    room = room_of(out, pages, post or [], call or [], online_minuted)
    draft = hold_new(Terminal(), plan, wanted, rescue, room, whole=whole)
    _end(Output(as_json), draft, out)


def reshare(
    public: PublicOption,
    out: OutOption,
    policy: PolicyOption = None,
    group: GroupOption = None,
    groups_needed: GroupsOption = 1,
    key: OldKeyOption = None,
    share: ShareOption = None,
    letterbox: LetterboxOption = None,
    pages: PagesOption = None,
    post: PostOption = None,
    call: CallOption = None,
    online_minuted: OnlineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make new sheets for the same secret: a holder leaves, a sheet is lost, or a key file becomes sheets.

    A quorum of the old sheets (or --key) is needed. Without --policy and --group the holders stay as they are.

    \b
    Example: escrow keys reshare --public vault --out stick
    """
    from .desk import Terminal
    from .holders import next_policy, open_old, room_of
    from .holding import hold_reshare
    from .public_folder import load_public

    desk, room = Terminal(), room_of(out, pages, post or [], call or [], online_minuted)
    objects, history = load_public(public)
    wanted = next_policy(history, policy, group or [], groups_needed)
    opened = open_old(desk, history, key, share or [], letterbox)
    draft = hold_reshare(desk, (objects, history), opened, wanted, room)
    output = Output(as_json)
    output.note("the secret is the same: a quorum of OLD sheets (or the old key file) still opens the vault, by other")
    output.note("software than this. Destroy them with witnesses. Where you cannot be sure of that: escrow keys rekey")
    _end(output, draft, out)


def rekey(
    public: PublicOption,
    out: OutOption,
    policy: PolicyOption = None,
    group: GroupOption = None,
    groups_needed: GroupsOption = 1,
    key: OldKeyOption = None,
    share: ShareOption = None,
    letterbox: LetterboxOption = None,
    pages: PagesOption = None,
    post: PostOption = None,
    call: CallOption = None,
    online_minuted: OnlineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new secret with new sheets, and seal every series key to it. What was deposited is not touched.

    Interrupted after the sheets were made: run it again with the same --out, and type old and new sheets.

    \b
    Example: escrow keys rekey --public vault --out stick
    """
    from .desk import Terminal
    from .holders import new_sheets, next_policy, open_old, room_of
    from .holding import finish_rekey, hold_rekey, now, resumed
    from .public_folder import load_public

    desk = Terminal()
    objects, history = load_public(public)
    pending = resumed(out, history)
    room = room_of(out, pages, post or [], call or [], online_minuted, again=pending is not None)
    if pending is None:
        wanted = next_policy(history, policy, group or [], groups_needed)
        opened = open_old(desk, history, key, share or [], letterbox)
        draft = hold_rekey(desk, (objects, history), opened, wanted, room)
    else:
        opened = open_old(desk, history, key, share or [], letterbox)
        desk.say("An interrupted rekey is finished now. Type the NEW sheets.")
        draft = new_sheets(desk, history, pending)
        finish_rekey(desk, (objects, history), draft, opened[0], room, now())
    output = Output(as_json)
    output.note("whoever opened the vault before may have kept what was opened: no new key takes that back. Old sheets")
    output.note("open the old sealed keys as long as those stand in a store: they are locked like everything else")
    _end(output, draft, out)


def complete(
    out: Annotated[Path, typer.Option(help="The folder of escrow keys ceremony, reshare or rekey.")],
    as_json: JsonOption = False,
) -> None:
    """Finish what waits: a charter that the custodian has signed, an event that was cut off. Needs no key.

    \b
    Example: escrow keys complete --out stick
    """
    from .holding import complete as put_charter

    history = put_charter(out)
    output = Output(as_json)
    output.note(f"take {out / 'public'} to the nightly machine and run escrow init with it")
    output.finish(Exit.OK, f"fingerprint  {history.fingerprint}", fingerprint=history.fingerprint)


def check(
    public: PublicOption,
    share: ShareOption = None,
    letterbox: LetterboxOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check one sheet, alone and off the network: that every word is right, and that it is the one of the charter.

    \b
    Example: escrow keys check --public vault
    """
    from escrow.custody.sheets import identify

    from .public_folder import load_public
    from .shares import read_share

    _, history = load_public(public)
    assert history.charter is not None
    output = Output(as_json)
    found = [read_share(path, letterbox) for path in share] if share else [_typed(history)]
    for one in found:
        holder = identify(one, history.charters).holder
        epoch = history.charter.custody.epoch if history.charter.custody else 0
        output.row(
            f"whole       sheet of the {holder.role}, {holder.group} {holder.member}, epoch {epoch}",
            role=holder.role,
            group=holder.group,
            member=holder.member,
            epoch=epoch,
        )
    output.finish(Exit.OK, f"fingerprint {history.fingerprint}", fingerprint=history.fingerprint)


def seal_share(
    public: PublicOption,
    to: Annotated[
        str, typer.Option(metavar="RECIPIENT", help="The letterbox (age1pq..) of those who meet, or a card.")
    ],
    out: Annotated[Path, typer.Option(help="The new file, to be sent to them.")],
    share: Annotated[Path | None, typer.Option(metavar="FILE", help="The sheet's words; else they are typed.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Seal your sheet to a letterbox, for those who meet without you. Ask them for the recipient by telephone.

    \b
    Example: escrow keys seal-share --public vault --to age1pq1... --out head.age
    """
    from escrow.custody.sheets import identify
    from escrow.seal import seal

    from .agent_key import write_private
    from .holders import recipient_of
    from .public_folder import load_public
    from .shares import read_share

    _, history = load_public(public)
    recipient = recipient_of(to)
    found = read_share(share, None) if share else _typed(history)
    sheet = identify(found, history.charters)
    write_private(out, seal(f"{' '.join(found.words())}\n".encode(), [recipient]))
    Output(as_json).finish(Exit.OK, f"sealed the sheet of the {sheet.holder.role} into {out}", role=sheet.holder.role)


def letterbox(
    out: Annotated[Path, typer.Option(help="The new file, to be destroyed after its one use.")],
    as_json: JsonOption = False,
) -> None:
    """Make a one-use key to which holders who cannot come seal their sheets. Read its recipient to them by telephone.

    \b
    Example: escrow keys letterbox --out letterbox.key
    """
    from escrow.seal import HybridIdentity

    from .agent_folders import refuse_agent_folder
    from .agent_key import write_private

    refuse_agent_folder(out)
    identity = HybridIdentity.generate()
    write_private(out, identity.encode().reveal() + b"\n")
    output = Output(as_json)
    output.note(f"destroy {out} after its one use: it opens what is sealed to it")
    output.finish(Exit.OK, str(identity.recipient()), recipient=str(identity.recipient()))


def _typed(history: "History") -> "Share":
    """One sheet, typed by its holder after a look at the fingerprint."""
    from .agent_folders import refuse_agent
    from .desk import Terminal
    from .shares import show_vault, type_share

    refuse_agent()
    assert history.charter is not None
    desk = Terminal()
    desk.clear()
    show_vault(desk, history.charter, history.fingerprint)
    try:
        return type_share(desk)
    finally:
        desk.clear()


def _end(output: Output, draft: "Draft", out: Path) -> None:
    charter = draft.charter
    output.row(f"vault        {charter.vault}", vault=charter.vault, charter=charter.n, fingerprint=draft.fingerprint)
    output.note(f"take {out / 'public'} to the nightly machine and run escrow init with it; keep the minutes")
    output.finish(Exit.OK, f"fingerprint  {draft.fingerprint}")
