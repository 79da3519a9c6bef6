"""Pages as files: a PDF, and a workbook with a sheet for each section."""

from pathlib import Path

import xlsxwriter

from escrow.export.naming import unique
from escrow.paper.page import Grid, Page, Words
from escrow.paper.pdf import pdf

_SHEET = str.maketrans("", "", "[]:*?/\\'")
_WIDEST = 60


def ruled_pdf(page: Page) -> bytes:
    """The page as a tagged PDF, landscape, its tables ruled to write in. FormatError `paper`."""
    return pdf("page", {**page.values(), "ruled": True})


def write_workbook(page: Page, target: Path) -> None:
    """A sheet a section, its grids one below the other; every cell is text."""
    partial = target.with_suffix(".part")
    with xlsxwriter.Workbook(str(partial), {"in_memory": True}) as book:
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        cell = book.add_format({"text_wrap": True, "valign": "top"})
        names = unique([section.heading.translate(_SHEET)[:28] for section in page.sections])
        for section, name in zip(page.sections, names, strict=True):
            sheet = book.add_worksheet(name)
            sheet.set_landscape()
            sheet.set_paper(9)
            sheet.fit_to_pages(1, 0)
            widths: dict[int, int] = {}
            at = 0
            for block in section.blocks:
                if isinstance(block, Words):
                    sheet.write_string(at, 0, block.text)
                    at += 2
                elif isinstance(block, Grid):
                    sheet.write_string(at, 0, block.caption, bold)
                    for offset, row in enumerate((block.head, *block.rows), 1):
                        for column, text in enumerate(row):
                            sheet.write_string(at + offset, column, text, bold if offset == 1 else cell)
                            widths[column] = max(widths.get(column, 8), min(len(text) + 2, _WIDEST))
                    at += len(block.rows) + 3
            for column, width in widths.items():
                sheet.set_column(column, column, width)
    partial.replace(target)
