"""`escrow demo`: a small school, five nights, all of it checked and restored."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import UsageError

from .exits import Exit
from .options import JsonOption
from .output import Output
from .units import size_text

if TYPE_CHECKING:
    from .demo_nights import DemoVault, Night

_STORIES = {"handover": ".demo_handover", "vendor": ".demo_vendor"}


def demo(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[handover|vendor]", help="handover: a school closes; vendor: a vendor stops."),
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Work here, and leave everything there.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the folder, to try commands on it.")] = False,
    store: Annotated[
        str | None,
        typer.Option(help="Another store, such as s3://bucket/prefix; s3 alone starts an S3 server for the demo."),
    ] = None,
    endpoint: Annotated[str | None, typer.Option(help="The address of an S3 store that is not Amazon's.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show all of it on an invented school: keys, five nights, checks without keys, restores, a tampered store.

    Works in a temporary folder, takes seconds, and fails loudly when anything is not as it should be.

    \b
    Example: escrow demo --store s3
    """
    output = Output(as_json)
    if folder and folder.exists():
        raise UsageError("demo-folder", f"expected a new folder, found {folder}", hint="choose another")
    if what is not None:
        if what not in _STORIES or store or endpoint:
            known = " or ".join(_STORIES)
            raise UsageError("demo-options", f"expected {known} alone, found {what}", hint="escrow demo handover")
        import_module(_STORIES[what], __package__).run(output, folder, keep=keep)
    own_server = store == "s3"
    if own_server and (folder or keep or endpoint):
        hint = "leave these out: the server is stopped at the end, and nothing is left of it"
        raise UsageError("demo-options", "expected --store s3 without --folder, --keep and --endpoint", hint=hint)
    with _s3_server(output) if own_server else nullcontext((store, endpoint)) as (url, address):
        _run(output, folder, keep, url, address)


def _run(output: Output, folder: Path | None, keep: bool, store: str | None, endpoint: str | None) -> None:
    from .demo_nights import DemoVault

    root = (folder or Path(tempfile.mkdtemp(prefix="escrow-demo-"))).absolute()
    try:
        with output.progress() as progress:
            demo_vault = DemoVault(root, store, endpoint)
            demo_vault.begin(progress)
            nights = [demo_vault.night(number, progress) for number in range(5)]
            demo_vault.restore_all(nights, progress)
            copied = demo_vault.copy(progress)
            tampered = demo_vault.tamper(progress)
        _say(output, nights, tampered)
        words = f"{copied} objects, every byte as it was" if copied else "FAILED"
        output.row(f"copied to the county's folder: {words}", copied=copied)
        if folder or keep:
            _say_next(output, demo_vault)
    finally:
        if not (folder or keep):
            shutil.rmtree(root, ignore_errors=True)
    good = all(night.good for night in nights) and all(tampered.values()) and copied > 0
    words = "every night came back byte for byte" if good else "SOMETHING IS WRONG, see above"
    output.finish(Exit.OK if good else Exit.INTEGRITY, words, nights=len(nights))


@contextmanager
def _s3_server(output: Output) -> Iterator[tuple[str, str]]:
    """A server with a locked bucket, and its keys where boto3 looks: the bucket's and the server's addresses.

    Whatever else boto3 would find in the environment is out of its sight meanwhile.
    """
    from .demo_server import Server

    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("AWS_")}
    folder = Path(tempfile.mkdtemp(prefix="escrow-s3-"))
    ended = signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the server would live on
    try:
        server = Server(folder)
        try:
            server.start()
            server.make_bucket("demo")
            output.note(f"SeaweedFS serves S3 at {server.endpoint}; its bucket has versions and Object Lock")
            keys = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
            os.environ.update(keys)
            yield "s3://demo/fernhill", server.endpoint
        finally:
            server.stop()
    finally:
        signal.signal(signal.SIGTERM, ended)
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            os.environ.pop(name, None)
        os.environ.update(before)


def _say(output: Output, nights: "list[Night]", tampered: dict[str, bool]) -> None:
    if not output.as_json:
        output.row("night  school day  files       new  checked  restored  seconds")
    for one in nights:
        checked, same = ("ok" if good else "FAILED" for good in (not one.findings, one.same))
        output.row(
            f"{one.number:>5}  {one.day}  {one.files:>5}  {size_text(one.new):>8}  {checked:>7}  {same:>8}  "
            f"{one.seconds:>7.1f}",
            night=one.number,
            day=str(one.day),
            files=one.files,
            new_bytes=one.new,
            findings=list(one.findings),
            restored=one.same,
            milliseconds=round(1000 * one.seconds),
        )
    for what, found in tampered.items():
        output.row(f"{what}: {'found' if found else 'NOT FOUND'}", tampered=what, found=found)


def _say_next(output: Output, vault: "DemoVault") -> None:
    from .keys import KEY_FILE

    output.note(f"left in {vault.root}; the key's passphrase, of this demo alone: {vault.passphrase_text}")
    output.note(f"try: escrow list --config {vault.file}")
    output.note(f"     escrow diff 4 5 --config {vault.file} --key {vault.holder / KEY_FILE}")
