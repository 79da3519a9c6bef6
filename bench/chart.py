"""The bench's picture: a panel of bars for each thing that is promised, as SVG."""

from html import escape

from bench.report import Results

PANELS = (
    ("bytes added per later night", "later night", "bytes", "MB"),
    ("wall per later night", "later night", "wall", "s"),
    ("CPU per later night", "later night", "cpu", "s"),
    ("first night, wall", "first night", "wall", "s"),
    ("whole restore, wall", "whole restore", "wall", "s"),
    ("peak memory", "", "memory", "MiB"),
)
_COLOURS = {"restic": "#8da0b3", "borg": "#b3a58d", "borg-small": "#d0c4ad", "escrow": "#1f6f54"}
_WIDTH, _BAR, _GAP, _LABEL = 360, 18, 6, 84


def chart(results: Results) -> str:
    """One panel a quantity, one bar a tool, each panel to its own scale; the numbers stand beside the bars."""
    peers = list(results.runs)
    height = 34 + len(peers) * (_BAR + _GAP)
    parts = []
    for n, (title, operation, quantity, unit) in enumerate(PANELS):
        left, top = n % 2 * _WIDTH + 12, n // 2 * height + 8
        parts.append(f'<text x="{left}" y="{top + 14}" font-weight="bold">{escape(title)} ({unit})</text>')
        values = {p: results.value(p, operation, quantity) if operation else results.peak(p) for p in peers}
        largest = max((v for v in values.values() if v is not None), default=1.0)
        for row, (peer, value) in enumerate(values.items()):
            y = top + 24 + row * (_BAR + _GAP)
            parts.append(f'<text x="{left}" y="{y + 13}">{escape(peer)}</text>')
            if value is None:
                continue
            length = value / largest * (_WIDTH - _LABEL - 76)
            parts.append(
                f'<rect x="{left + _LABEL}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{_COLOURS[peer]}"/>'
            )
            parts.append(f'<text x="{left + _LABEL + length + 5:.1f}" y="{y + 13}">{value:.1f}</text>')
    size = f'width="{2 * _WIDTH + 12}" height="{3 * height + 16}"'
    style = 'font-family="sans-serif" font-size="12" fill="#222"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style} role="img" aria-label="bench">\n'
        '<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )
