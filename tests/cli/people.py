"""A screen with people at it, for the dialogues: they copy what is shown to them, and type it back."""

import re
from pathlib import Path

import numpy
import pypdfium2
import zxingcpp

from escrow.errors import UsageError

_PROMPT = re.compile(r"word +([0-9]+): ")
_WORD = re.compile(r"\b([0-9]{1,2}) ([a-z]{4,8})\b")


class People:
    """Answers every prompt as it asks to be answered. `papers`: words by role, as copied; `typing`: whose sheets come.

    `stop`: the question, counted from 0, at which somebody presses Ctrl-C; `wrong`: answers that come before the right
    ones, by the beginning of the prompt.
    """

    def __init__(self, typing: "list[tuple[str, ...]] | None" = None, stop: int | None = None) -> None:
        self.papers: dict[str, tuple[str, ...]] = {}
        self.typing = list(typing or ())
        self.stop = stop
        self.wrong: dict[str, list[str]] = {}
        self.asked = 0
        self.screen = ""
        self.said = ""
        self._role = ""
        self._sheet: tuple[str, ...] = ()

    def say(self, text: str = "") -> None:
        self.screen += f"{text}\n"
        self.said += f"{text}\n"
        shown = re.search(r"^Sheet of the (.+)\. Write all of this down", text)
        if shown:
            self._role = shown[1]
        elif self._role and len(_WORD.findall(text)) == 33:
            words = {int(number): word for number, word in _WORD.findall(text)}
            self.papers[self._role] = self._sheet = tuple(words[number] for number in range(1, 34))
            self._role = ""

    def ask(self, prompt: str) -> str:
        if self.asked == self.stop:
            raise KeyboardInterrupt
        self.asked += 1
        for start, answers in self.wrong.items():
            if prompt.startswith(start) and answers:
                return answers.pop(0)
        word = _PROMPT.fullmatch(prompt)
        if word:
            number = int(word[1])
            if number == 1 and self.typing and not self._sheet:
                self._sheet = self.typing.pop(0)
            if not self._sheet:
                raise UsageError("dialogue-ended", "nobody has a sheet")
            typed = self._sheet[number - 1][:4]
            if number == 33:
                self._sheet = ()
            return typed
        if "in your hand" in prompt:
            (role, page) = re.findall(r"^The sheet of the (.+) is (.+\.pdf)\. Open it", self.screen, re.MULTILINE)[-1]
            self.papers[role] = self._sheet = printed(Path(page))
        confirmed = re.search(r"Type ([a-z]+) and press Enter: $", prompt)
        return confirmed[1] if confirmed else ""

    def clear(self) -> None:
        self.screen = ""


def printed(page: Path) -> tuple[str, ...]:
    """The words on a printed sheet, from its QR."""
    pixels = pypdfium2.PdfDocument(page.read_bytes())[0].render(scale=3).to_numpy()[:, :, :3]
    (code,) = zxingcpp.read_barcodes(
        numpy.ascontiguousarray(pixels), zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    )
    return tuple(code.text.lower().split())
