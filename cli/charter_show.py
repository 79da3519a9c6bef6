"""`escrow charter show`: the charter for people, on the terminal, as a page or as a PDF."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import charter_files as files
from .charter_new import PublicOption, pick, read_any
from .exits import Exit
from .options import ConfigOption, JsonOption
from .output import Output

if TYPE_CHECKING:
    from escrow.paper.page import Block, Page
    from escrow.record import Charter

_WIDTH = 100


def show(
    version: Annotated[int | None, typer.Argument(help="A version. Default: the one in force.")] = None,
    file: Annotated[Path | None, typer.Option(help="A text or a draft instead.")] = None,
    article_30: Annotated[
        bool, typer.Option("--article-30", help="As the record of processing activities (UK GDPR Art 30).")
    ] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page for a browser.")] = None,
    pdf: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a PDF.")] = None,
    public: PublicOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the charter in words: who may open the vault, for what, who takes it over.

    \b
    Example: escrow charter show --public public --pdf charter.pdf
    """
    from escrow.custody.article30 import article_30 as article_30_page
    from escrow.custody.charter_page import charter_page, day

    output = Output(as_json)
    basis = files.find_basis(public, config)
    charter = read_any(file, basis.charter) if file else pick(basis, version or basis.charter.n)
    names = () if file else _signed_by(basis, charter)
    fingerprint = basis.history.fingerprint
    page = article_30_page(charter) if article_30 else charter_page(charter, fingerprint, names)
    if html:
        from escrow.paper.html import to_html

        foot = f"Made on {day(files.now())} from {'a draft' if file else 'the signed charter'}."
        files.replace_file(html, to_html(page, foot).encode())
        output.row(str(html), html=str(html))
    if pdf:
        from escrow.paper import pdf as paper

        files.replace_file(pdf, paper.pdf("page", page.values()))
        output.row(str(pdf), pdf=str(pdf))
    if as_json:
        from escrow.custody.charter_toml import members_of

        output.row("", charter=members_of(charter))
    elif not (html or pdf):
        for line in lines_of(page):
            output.row(line)
    output.finish(Exit.OK, version=charter.n)


def _signed_by(basis: files.Basis, charter: "Charter") -> tuple[str, ...]:
    """Who signed an accepted version, by role."""
    from escrow.custody.quorum import hash_of
    from escrow.record import Charter
    from escrow.trust import peek_record

    before = pick(basis, max(charter.n - 1, 1))
    wanted = hash_of(charter)
    names: dict[str, None] = {}
    for name, data in basis.objects.items():
        if name.startswith(f"charter/{charter.n:08d}-") and peek_record(data, Charter)[1] == wanted:
            names |= dict.fromkeys(files.names_of(before, charter, data))
    return tuple(names)


def lines_of(page: "Page") -> Iterator[str]:
    """A page as lines of plain text."""
    yield page.title
    yield "=" * len(page.title)
    for line in page.lead:
        yield from ["", *textwrap.wrap(line, _WIDTH)]
    for section in page.sections:
        yield from ["", section.heading, "-" * len(section.heading)]
        for block in section.blocks:
            yield from _block(block)


def _block(block: "Block") -> Iterator[str]:
    from escrow.paper.page import Facts, Grid, Points, Words

    match block:
        case Words(text):
            yield from textwrap.wrap(text, _WIDTH)
        case Points(items):
            for item in items:
                yield from textwrap.wrap(item, _WIDTH, initial_indent="- ", subsequent_indent="  ")
        case Facts(rows):
            yield from _facts(rows)
        case Grid(_, head, rows):
            for first, *rest in rows:
                yield first
                cells = ((title, cell) for title, cell in zip(head[1:], rest, strict=True) if cell)
                yield from (f"  {line}" for line in _facts(tuple(cells)))


def _facts(rows: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for term, text in rows:
        yield from textwrap.wrap(f"{term}: {text}", _WIDTH, subsequent_indent="  ")
