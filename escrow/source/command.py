"""A command as a source: what it writes to stdout is one file; how it ends counts."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread, Timer

from escrow.errors import UsageError
from escrow.seal import Secret
from escrow.source.base import FileItem, Item, ScanNotes, UnreadableError
from escrow.source.one_file import item_of, path_of
from escrow.source.streams import PieceReader

_PIECE = 64 * 1024
_PATIENCE = 5
"""Seconds for the last of stderr, which a process that outlives the command may hold open."""
_WHY = {
    "not-started": "check that the program is there and that this account may run it",
    "exit-code": "run it by hand to see why",
    "time-out": "it was ended; find out what it waits for, or raise time_limit",
}


class CommandSource:
    """The command `argv`, run without a shell in `folder`, as the file `file` of source `name`."""

    def __init__(
        self,
        name: str,
        file: str,
        argv: Sequence[str],
        environment: Callable[[], Mapping[str, str | Secret]],
        *,
        folder: Path,
        seconds: float,
    ) -> None:
        """`environment`: all variables that it gets, asked when the night reads; `seconds`: how long it may run.

        UsageError `source-name`, `source-file`, `source-command`.
        """
        if not argv or not all(argv[:1]):
            hint = 'write a list, such as command = ["pg_dump", "school"]'
            raise UsageError("source-command", "expected a command, found nothing", hint=hint)
        self.name = name
        self.notes = ScanNotes(name)
        self._path = path_of(name, file)
        self._argv = tuple(argv)
        self._ask = environment
        self._folder = folder
        self._seconds = seconds
        self._environment: Mapping[str, str | Secret] = {}

    def scan(self) -> Iterator[Item]:
        """The one file. SourceError of a credential or variable that lacks; the command runs when it is read."""
        self.notes = ScanNotes(self.name)
        self._environment = self._ask()
        yield item_of(self._path)

    def open(self, item: FileItem) -> io.RawIOBase:
        """Start it. UnreadableError `not-started`, and from the reads `exit-code`, `time-out`."""
        variables = {name: _plain(value) for name, value in self._environment.items()}
        try:
            process = subprocess.Popen(  # noqa: S603 - the command of escrow.toml, no shell
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=self._folder,
                env=variables,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise self._fault("not-started", f"the command cannot be started ({type(error).__name__})") from None
        return _Output(process, self._seconds, self._ended)

    def recheck(self, item: FileItem) -> FileItem | None:
        """What was read is what there was."""
        return None

    def _ended(self, code: int, late: bool, size: int, told: int) -> None:
        """Judge the end: `size` bytes of stdout and `told` of stderr, which are counted and kept nowhere."""
        said = f"; it wrote {told} bytes to stderr, which are not kept" if told else ""
        if late:
            raise self._fault("time-out", f"the command ran longer than {self._seconds:g} seconds{said}")
        if code:
            how = f"with code {code}" if code > 0 else f"by signal {-code}"
            raise self._fault("exit-code", f"the command ended {how}{said}")
        if told:
            self.notes.told.append(f"the command ended well{said}; run it by hand to see them")
        if not size:
            self.notes.told.append("the command ended well and gave 0 bytes; look at what it should give")

    def _fault(self, code: str, text: str) -> UnreadableError:
        self.notes.told.append(f"not read ({code}): {text}; {_WHY[code]}")
        return UnreadableError(code, text, hint=_WHY[code])


class _Output(PieceReader):
    """stdout of a process, which ends with it: killed when closed before, or when its time is over."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", seconds: float, ended: Callable[[int, bool, int, int], None]
    ) -> None:
        assert process.stdout is not None
        super().__init__(self._output())
        self._process = process
        self._stdout = process.stdout
        self._judge = ended
        self._told = 0
        self._late = self._over = False
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._timer = Timer(seconds, self._stop)
        self._timer.daemon = True
        self._timer.start()

    def _output(self) -> Iterator[bytes]:
        """All that it writes; the end comes only after a command that ended well."""
        size = 0
        while piece := self._stdout.read(_PIECE):
            size += len(piece)
            yield piece
        if not self._over:
            self._over = True
            code = self._process.wait()
            self._timer.cancel()
            self._listener.join(_PATIENCE)
            self._judge(code, self._late, size, self._told)

    def _stop(self) -> None:
        self._late = True
        _kill(self._process)

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stderr:
            while piece := stderr.read(_PIECE):
                self._told += len(piece)

    def close(self) -> None:
        """As io.RawIOBase. A read that another thread is in ends first, as the process does."""
        if not self.closed:
            self._timer.cancel()
            ended, self._over = self._over, True
            if not ended:
                _kill(self._process)
            super().close()
            self._process.wait()
            self._listener.join(_PATIENCE)
            self._stdout.close()


def _plain(value: str | Secret) -> str:
    return value if isinstance(value, str) else value.reveal().decode("utf-8", "surrogateescape")


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End it and what it started."""
    if sys.platform == "win32":
        with suppress(OSError):
            subprocess.run(  # noqa: S603 - Windows's own, with a number
                ["taskkill", "/F", "/T", "/PID", str(process.pid)],  # noqa: S607
                capture_output=True,
                check=False,
            )
        process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
