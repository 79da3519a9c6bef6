"""Reads TOML tables strictly: each key once, with its type; a key that nobody asked for is an error."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

from escrow.errors import UsageError

T = TypeVar("T")


class Table:
    """One table. Every method takes its key out; `end` complains about what is left. All raise UsageError."""

    def __init__(self, raw: dict[str, object], where: str) -> None:
        self._raw = dict(raw)
        self.where = where

    def _fail(self, code: str, key: str, expected: str, found: object) -> NoReturn:
        raise UsageError(code, f"{self.where}: {key}: expected {expected}, found {found!r:.80}")

    def text(self, key: str) -> str | None:
        """A text, or None where the key is absent."""
        value = self._raw.pop(key, None)
        if value is not None and not isinstance(value, str):
            self._fail("config-type", key, "a text in quotes", value)
        return value or None

    def needed(self, key: str) -> str:
        """A text that must be there."""
        value = self.text(key)
        if value is None:
            raise UsageError("config-missing-key", f"{self.where}: expected {key}, found none")
        return value

    def text_of(self, key: str, grammar: re.Pattern[str], words: str) -> str | None:
        """A text that matches `grammar`."""
        value = self.text(key)
        if value is not None and not grammar.fullmatch(value):
            self._fail("config-value", key, words, value)
        return value

    def one_of(self, key: str, known: Sequence[T]) -> T:
        """One of `known` texts; the first where the key is absent."""
        value = self.text(key)
        found = known[0] if value is None else next((one for one in known if one == value), None)
        if found is None:
            self._fail("config-value", key, f"one of {', '.join(map(str, known))}", value)
        return found

    def file(self, key: str, root: Path) -> Path | None:
        """A path, relative to `root`, or None."""
        value = self.text(key)
        return root / value if value else None

    def parsed(self, key: str, parse: Callable[[str], T]) -> T | None:
        """A text that `parse` understands."""
        value = self.text(key)
        if value is None:
            return None
        try:
            return parse(value)
        except UsageError as error:
            raise UsageError("config-value", f"{self.where}: {key}: {error}") from error

    def flag(self, key: str) -> bool:
        """true or false; false where the key is absent."""
        value = self._raw.pop(key, False)
        if not isinstance(value, bool):
            self._fail("config-type", key, "true or false", value)
        return value

    def texts(self, key: str) -> list[str]:
        """A list of texts; empty where the key is absent."""
        value = self._raw.pop(key, [])
        if not isinstance(value, list):
            self._fail("config-type", key, "a list of texts", value)
        texts = [each for each in value if isinstance(each, str)]
        if len(texts) != len(value):
            self._fail("config-type", key, "a list of texts", value)
        return texts

    def text_or_texts(self, key: str) -> list[str]:
        """A text, or a list of texts; empty where the key is absent."""
        if isinstance(self._raw.get(key), str):
            self._raw[key] = [self._raw[key]]
        return self.texts(key)

    def table(self, key: str) -> "Table | None":
        """A table `[key]`, or None."""
        value = self._raw.pop(key, None)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._fail("config-type", key, f"a table [{key}]", value)
        return Table(value, f"{self.where}: [{key}]")

    def credential(self, key: str) -> "Table | None":
        """A table that says where a credential lies. One that stands here itself is refused, and not shown."""
        if isinstance(self._raw.get(key), str):
            hint = "keep it elsewhere, say where, and change it: it may have been read here"
            raise UsageError("credential-literal", f"{self.where}: {key}: no credential stands in this file", hint=hint)
        return self.table(key)

    def number(self, key: str, most: int) -> int | None:
        """A whole number from 1 to `most`, or None."""
        value = self._raw.pop(key, None)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            self._fail("config-value", key, f"a whole number from 1 to {most}", value)
        return value

    def keys(self) -> list[str]:
        """The keys that are left."""
        return list(self._raw)

    def tables(self, key: str) -> "list[Table]":
        """The tables `[[key]]`."""
        value = self._raw.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self._fail("config-type", key, f"tables [[{key}]]", value)
        return [Table(each, f"{self.where}: [[{key}]] {number}") for number, each in enumerate(value, 1)]

    def end(self) -> None:
        """Nothing may be left."""
        if self._raw:
            names = ", ".join(sorted(self._raw))
            raise UsageError(
                "config-unknown-key",
                f"{self.where}: expected no other key, found {names:.80}",
                hint="check the spelling, and under which [table] it stands",
            )
