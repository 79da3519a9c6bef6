"""The README of the rescue kit, taken literally: its sections, its commands, and a terminal to type them at.

Nothing here imports anything but the standard library: tests/alone/restores.py runs where nothing else is.
"""

import os
import re

try:
    import pty
except ImportError:  # the commands are for a POSIX shell
    pty = None  # type: ignore[assignment]


def section(text: str, title: str) -> str:
    """What a README says below a heading."""
    found = re.search(rf"^{re.escape(title)}[^\n]*\n-+\n(.*?)(?=^[^\n]+\n---|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def commands(text: str) -> str:
    """Its indented blocks, as one script; with their blanks before each line, as whoever copies them gets them."""
    return "\n".join(re.findall(r"(?:^    [^\n]*\n|^\n(?=    ))+", text, re.MULTILINE))


def typed(script: str, folder: str | os.PathLike[str], passphrase: str, path: str) -> tuple[int, str]:
    """Runs a script at a terminal, typing the passphrase whenever it is asked for; `path` is its PATH."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execvpe("sh", ["sh", "-ec", script], {**os.environ, "PATH": path})
    told = b""
    try:
        while block := os.read(terminal, 4096):
            told += block
            if re.search(rb"passphrase[^\n]*: ?(\x1b\[K)?$", told, re.IGNORECASE):
                os.write(terminal, passphrase.encode() + b"\n")
                told += b"\n"
    except OSError:
        pass  # the terminal ends with the script
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told.decode("utf-8", "replace")
