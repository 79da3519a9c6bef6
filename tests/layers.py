"""Rules of the source tree that a parser can check: each rule takes a module and tells what breaks it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

LAYERS: tuple[tuple[str, ...], ...] = (
    ("cli",),
    ("subject", "vendor", "retention"),
    ("engine", "custody", "recovery", "export", "watch"),
    ("store", "source", "completeness", "paper"),
    ("trust", "record", "pack", "seal"),
    ("errors", "limits", "__version__"),
)
"""Rooms from top to bottom; a room may import any below it."""

BESIDE: dict[tuple[str, str], str] = {
    ("trust", "record"): "history is made of records",
    ("trust", "seal"): "history is believed by its signatures",
    ("watch", "engine"): "the watch judges what a night reported",
}
"""Imports between rooms of one layer, each with its reason. There are no others."""

PURE = frozenset({"seal", "pack", "record", "trust"})

IMPURE = frozenset(
    [
        "asyncio",
        "ctypes",
        "email.utils",
        "ftplib",
        "glob",
        "http",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "random",
        "secrets",
        "shutil",
        "signal",
        "socket",
        "sqlite3",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "urllib.request",
    ]
)
"""What a pure room imports nothing of; `os` only for `os.urandom`, and only in seal."""

OWNERS: dict[str, str] = {
    "PIL": "escrow/subject/redact.py",
    "adbc_driver_sqlite": "escrow/export/",
    "asyncmy": "escrow/source/mysql",
    "bagit": "escrow/export/",
    "boto3": "escrow/store/s3",
    "botocore": "escrow/store/s3",
    "cryptography": "escrow/seal/",
    "duckdb": "escrow/export/",
    "httpx": "escrow/source/http.py",
    "jellyfish": "escrow/subject/names.py",
    "numpy": "escrow/completeness/",
    "openpyxl": "escrow/subject/review.py",
    "psycopg": "escrow/source/postgresql",
    "pyarrow": "escrow/export/",
    "pyodbc": "escrow/source/sqlserver",
    "pypdfium2": "escrow/subject/redact.py",
    "segno": "escrow/paper/pdf.py",
    "shamir_mnemonic": "escrow/seal/shares.py",
    "typst": "escrow/paper/pdf.py",
    "xlsxwriter": "escrow/export/",
    "zstandard": "escrow/pack/",
}
"""Which room, or files whose path starts so, alone import a library: s3.py speaks it, s3_library.py maps its errors."""

MAX_LINES = 350


@dataclass(frozen=True)
class Module:
    """One source file: `path` from the project's root, with slashes."""

    path: str
    text: str

    @property
    def room(self) -> str:
        """The room's name: `cli`, a folder of escrow/, or a file right in it. escrow/__init__.py is no room: ''."""
        parts = self.path.removesuffix(".py").split("/")
        room = parts[0] if parts[0] == "cli" else parts[1]
        return "" if room == "__init__" else room

    @property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text, self.path)

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and full name of everything imported; `from a import b` gives `a.b`, wherever it stands in the file."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                package = self.path.split("/")[: -node.level] if node.level else []
                parent = ".".join((*package, *((node.module,) if node.module else ())))
                yield from ((node.lineno, f"{parent}.{alias.name}") for alias in node.names)


def modules() -> list[Module]:
    """Every file of the library and of the command line; not the rescue kit, whose one file is no part of it."""
    paths = sorted((*(ROOT / "escrow").rglob("*.py"), *(ROOT / "cli").rglob("*.py")))
    paths = [path for path in paths if ROOT / "escrow/recovery/kit" not in path.parents]
    return [Module(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in paths]


def _layer(room: str) -> int:
    return next((depth for depth, rooms in enumerate(LAYERS) if room in rooms), -1)


def _of(name: str, library: str) -> bool:
    return name == library or name.startswith(f"{library}.")


def direction(module: Module) -> Iterator[str]:
    """Imports go down only."""
    for line, name in module.imports():
        parts = name.split(".")
        if parts[0] not in {"escrow", "escrow_cli", "cli"} or not module.room:
            continue
        room = parts[1] if parts[0] == "escrow" else "cli"
        allowed = room == module.room or (module.room, room) in BESIDE or _layer(room) > _layer(module.room) >= 0
        if not allowed:
            yield f"{line}: {module.room} imports {room}"


def purity(module: Module) -> Iterator[str]:
    """Pure rooms touch no file, network, clock, environment, process or log; only seal draws random bytes."""
    if module.room not in PURE | {"custody"}:
        return
    for line, name in module.imports():
        hit = next((impure for impure in IMPURE if _of(name, impure)), None)
        if hit and not (hit == "os" and module.room in {"seal", "custody"}) and module.room in PURE:
            yield f"{line}: imports {hit}"
        if name.startswith("os."):
            yield f"{line}: imports {name} instead of using os.urandom"
    for node in ast.walk(module.tree):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr=attr) if attr != "urandom":
                yield f"{node.lineno}: os.{attr}"
            case (
                ast.Call(func=ast.Name(id="open" | "input"))
                | ast.Call(func=ast.Attribute(value=ast.Name(id="io"), attr="open"))
            ):
                yield f"{node.lineno}: opens a file"
            case ast.Call(func=ast.Attribute(attr="now" | "utcnow" | "today")) if module.room in PURE:
                yield f"{node.lineno}: reads the clock"


def silence(module: Module) -> Iterator[str]:
    """The library never prints, exits or reads the environment."""
    if module.room == "cli":
        return
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id="print" | "exit" | "quit" | "breakpoint" as name)):
                yield f"{node.lineno}: calls {name}()"
            case ast.Attribute(value=ast.Name(id="sys"), attr="exit" | "stdout" | "stderr" | "stdin" | "argv" as attr):
                yield f"{node.lineno}: sys.{attr}"
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv" | "_exit" as attr):
                yield f"{node.lineno}: os.{attr}"
            case ast.Name(id="SystemExit"):
                yield f"{node.lineno}: SystemExit"
    for line, name in module.imports():
        if name in {"os.environ", "os.environb", "os.getenv", "os._exit", "sys.exit"}:
            yield f"{line}: imports {name}"


def owners(module: Module) -> Iterator[str]:
    """Some libraries are imported in one place alone."""
    for line, name in module.imports():
        for library, owner in OWNERS.items():
            if _of(name, library) and not module.path.startswith(owner):
                yield f"{line}: imports {library}, which belongs to {owner}"


def catching(module: Module) -> Iterator[str]:
    """Nothing catches everything; `except BaseException` may only clean up and raise again."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        names = {kind.id for kind in caught if isinstance(kind, ast.Name)}
        passes_on = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
        if node.type is None or "Exception" in names or ("BaseException" in names and not passes_on):
            yield f"{node.lineno}: catches everything"


def shape(module: Module) -> Iterator[str]:
    """No star imports; no file that is too long to read."""
    yield from (f"{line}: star import" for line, name in module.imports() if name.endswith(".*"))
    length = len(module.text.splitlines())
    if length > MAX_LINES:
        yield f"{length} lines, at most {MAX_LINES}"
