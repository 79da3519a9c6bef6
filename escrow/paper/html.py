"""A page as one HTML file: semantic, without scripts or anything from elsewhere, printable. WCAG 2.2 AA."""

from html import escape

from escrow.paper.page import Block, Facts, Grid, Page, Points, Words

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #ffffff; color: #0b0c0c; font: 1.1875rem/1.5 Arial, Helvetica, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem 1.25rem 3rem; }
h1 { font-size: 2.25rem; line-height: 1.2; margin: 1rem 0; }
h2 { font-size: 1.5rem; line-height: 1.3; margin: 2.25rem 0 .75rem; padding-top: .75rem; }
h2, footer { border-top: 1px solid #6f777b; }
p, li, dd { max-width: 45rem; }
.lead { font-size: 1.3125rem; }
dl { display: grid; grid-template-columns: minmax(9rem, 15rem) 1fr; gap: .5rem 1.25rem; margin: 1rem 0; }
dt { font-weight: bold; }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; min-width: 36rem; font-size: 1.0625rem; }
caption { text-align: left; font-weight: bold; padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .5rem 1rem .5rem 0; border-bottom: 1px solid #6f777b; }
.skip { position: absolute; left: -999rem; }
.skip:focus { position: static; display: inline-block; padding: .5rem; }
a { color: #1d4f8b; }
a:focus, .wide:focus { outline: 3px solid #0b0c0c; outline-offset: 2px; }
footer { margin-top: 2.5rem; padding-top: .75rem; color: #383f43; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .75rem; } }
@media print {
  @page { size: A4; margin: 18mm; }
  body { font-size: 11pt; }
  main { max-width: none; padding: 0; }
  h1 { font-size: 20pt; } h2 { font-size: 14pt; } h2, caption, thead { break-after: avoid; } .lead { font-size: 12pt; }
  table { font-size: 9.5pt; min-width: 0; } .wide { overflow: visible; }
  tr, dd, li { break-inside: avoid; } .skip { display: none; }
}
"""


def to_html(page: Page, foot: str) -> str:
    """The whole file; `foot` is a sentence at the end, such as where and when the page was made."""
    sections = "".join(
        f'<section aria-labelledby="part-{at}">\n<h2 id="part-{at}">{escape(one.heading)}</h2>\n'
        + "".join(block_html(block) for block in one.blocks)
        + "</section>\n"
        for at, one in enumerate(page.sections, 1)
    )
    lead = "".join(f'<p class="lead">{escape(line)}</p>\n' for line in page.lead)
    return (
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(page.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#main">Skip to the text</a>\n<main id="main">\n<h1>{escape(page.title)}</h1>\n'
        f"{lead}{sections}<footer><p>{escape(foot)}</p></footer>\n</main>\n</body>\n</html>\n"
    )


def block_html(block: Block) -> str:
    """One block: a paragraph, a list, terms or a table."""
    match block:
        case Words(text):
            return f"<p>{escape(text)}</p>\n"
        case Points(items):
            return "<ul>\n" + "".join(f"<li>{escape(item)}</li>\n" for item in items) + "</ul>\n"
        case Facts(rows):
            pairs = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>\n" for term, text in rows)
            return f"<dl>\n{pairs}</dl>\n"
        case Grid():
            return _table(block)


def _table(grid: Grid) -> str:
    """A table that a narrow screen scrolls, by keyboard too."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in grid.head)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>\n"
        for row in grid.rows
    )
    return (
        f'<div class="wide" role="region" aria-label="{escape(grid.caption)}" tabindex="0">\n<table>\n'
        f"<caption>{escape(grid.caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n"
        "</table>\n</div>\n"
    )
