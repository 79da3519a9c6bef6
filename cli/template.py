"""The escrow.toml that `escrow init` writes."""

import json
from pathlib import Path

from escrow.errors import UsageError

_HEAD = """\
# escrow: what this machine deposits every night, and where. There are no secrets in this file.
# Relative paths count from this file's folder.

state = "state"  # this machine's memory and signing key: private, on a local disk

[store]
url = {url}  # a folder, a share (//server/share/vault) or s3://bucket/prefix
# limit_upload = "2 MiB/s"
# For S3: endpoint, region, ca_file, profile (texts), owner (12 digits), path_style, content_md5 (true or false).
# Credentials come from the AWS standard places, never from here.
# payer = "the school"  # who pays for this place and administers it
"""
_SOURCE = """
[[source]]
name = {name}
path = {path}
# ignore = ["*.tmp"]  # in the language of .gitignore
# recipe = "sims-commandreporter"  # who writes there: escrow source recipes FOLDER suggests one
"""
_TAIL = """
# Further places. escrow status is red until the sealed keys lie under two payers: escrow store copy fills these.
# Make the folder of a copy once by hand, so that an unplugged disk
# never passes for an empty one. Keys as in [store], and:
# [[copy]]
# name = "usb"
# url = "/media/usb/fernhill"
# payer = "the school"
# offline = true  # a disk that is attached now and then: not being there is no fault
#
# [[copy]]
# name = "holder"
# url = "/media/transfer/public"
# payer = "the key holder"
# offline = true
# holds = "keys"  # the charter and the sealed keys alone, as in the folder that escrow keys new made

# Which files go to which compartment: the first rule that fits; what fits none goes to the strictest.
# Patterns see the source's name first, as in mis/documents/letter.pdf.
# [[rule]]
# compartment = "documents"
# globs = ["documents/", "photos/"]
#
# [[rule]]
# compartment = "records"
# globs = ["*.csv", "*.bak"]

[status]
max_age = "36h"  # escrow status complains when the last night is older

# Whom a night is told to, a good one too: docs/guide-telling.md has more ways. Try it: escrow agent test --tell
# [tell.mail]
# server = "smtp.school.example"
# from = "escrow@school.example"
# to = ["it@school.example"]
# user = "escrow@school.example"
# password = { file = "smtp-password" }  # the file: mode 600, one line
"""


def create_config(file: Path, store: str | None, sources: list[str], more: str = "") -> None:
    """A commented configuration, `more` at its end. UsageError when store or source is not given."""
    if store is None or not sources:
        hint = "say where the vault goes with --store, and what to deposit with --source NAME=PATH"
        raise UsageError("config-missing", f"expected a configuration at {file}, found none", hint=hint)
    url = store if "://" in store else str(Path(store).absolute())
    text = _HEAD.format(url=_quoted(url))
    for name, path in map(parse_source, sources):
        text += _SOURCE.format(name=_quoted(name), path=_quoted(str(path.absolute())))
    _replace(file, text + _TAIL + more)


def parse_source(text: str) -> tuple[str, Path]:
    """`NAME=PATH`. UsageError `source-option`."""
    name, sign, path = text.partition("=")
    if not (name and sign and path):
        raise UsageError("source-option", f"expected NAME=PATH such as mis=/srv/exports, found {text!r}")
    return name, Path(path)


def fill_in(file: Path, vault: str, fingerprint: str) -> None:
    """Put the vault's id and fingerprint into the file, where they are not in it yet."""
    text = file.read_text("utf-8")
    lines = text.splitlines()
    missing = [
        f'{key} = "{value}"'
        for key, value in (("vault", vault), ("fingerprint", fingerprint))
        if not any(line.split("=")[0].strip() == key for line in lines)
    ]
    if missing:
        _replace(file, "\n".join([*missing, text]))


def _replace(file: Path, text: str) -> None:
    new = file.with_name(file.name + ".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text, "utf-8")
        new.replace(file)
    except OSError as error:
        raise UsageError("config-unwritable", f"{file}: cannot be written ({error.strerror})") from error


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are a part of its."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
