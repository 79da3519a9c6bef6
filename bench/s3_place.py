"""escrow's command line with its vault at any address, as users run it; and rclone beside it."""

import json
import shutil
from pathlib import Path
from typing import TypeAlias

from bench.escrow_peer import Escrow
from bench.measure import Run
from bench.peers import Tool

Address: TypeAlias = dict[str, str | bool]
"""The lines of a place's table in escrow.toml: `url`, and for S3 `endpoint` and `path_style`."""


def in_bucket(endpoint: str, name: str) -> Address:
    """A vault in a bucket on loopback."""
    return {"url": f"s3://{name}/vault", "endpoint": endpoint, "path_style": True}


class Place(Escrow):
    """escrow as bench.escrow_peer runs it, at an address."""

    def __init__(self, name: str, source: Path, work: Path, address: Address, keys: dict[str, str]) -> None:
        super().__init__(name, source, work)
        self.env |= keys
        self.address = address

    def init(self) -> None:
        """A new vault at the address, and its agent."""
        self.fresh_home()
        self._escrow("agent", "card", "--name", "bench", "--out", "card.json")
        shutil.rmtree(self._holder, ignore_errors=True)
        new = ["keys", "new", "--school", "Bench", "--agent", "card.json", "--out", str(self._holder)]
        self._escrow(*new, "--no-passphrase", "--compartment", "documents:366:400", "--compartment", "records:31:400")
        self.configure(self.address)
        shutil.copytree(self._holder / "public", self.home / "public")
        self._escrow("init", "--public", "public", "--accept", "a bench")
        self._seq = {}

    def configure(self, address: Address, *more: str) -> None:
        """Write escrow.toml with the vault at `address`, `more` at its end."""
        file = self.home / "escrow.toml"
        before = file.read_text("utf-8").splitlines() if file.exists() else []
        lines = [line for line in before if line.startswith(("vault =", "fingerprint ="))]
        lines += ['state = "state"', "[store]", *_lines(address)]
        lines += ["[[source]]", 'name = "mis"', f"path = {json.dumps(str(self.source))}"]
        lines += ["[[rule]]", 'compartment = "documents"', 'globs = ["/mis/documents/"]', *more]
        file.write_text("\n".join(lines) + "\n", "utf-8")

    def backup(self, night: int) -> Run:
        """See Peer."""
        self._seq[night] = night + 1
        return self._escrow("snapshot")

    def copy_to(self, address: Address) -> Run:
        """Copy the vault to another address, which becomes its second place."""
        self.configure(self.address, "[[copy]]", 'name = "second"', *_lines(address))
        return self._escrow("store", "copy")


class Rclone(Tool):
    """rclone with its own defaults, between folders and buckets of one server."""

    def __init__(self, work: Path, endpoint: str, keys: dict[str, str]) -> None:
        super().__init__("rclone", work, work)
        self.fresh_home()
        self.env["RCLONE_CONFIG"] = str(self.home / "none.conf")
        self.env.pop("AWS_CA_BUNDLE", None)  # which it cannot read, and loopback does not need
        for remote in ("HERE", "THERE"):  # two names, or it lets the server copy
            settings = {"TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": endpoint, "REGION": "us-east-1"}
            settings |= {"ACCESS_KEY_ID": keys["AWS_ACCESS_KEY_ID"], "SECRET_ACCESS_KEY": keys["AWS_SECRET_ACCESS_KEY"]}
            self.env |= {f"RCLONE_CONFIG_{remote}_{name}": value for name, value in settings.items()}

    def copy(self, source: str, to: str) -> Run:
        """`here:` and `there:` are the server's buckets; everything else is a folder."""
        return self.run("rclone", "copy", "--s3-no-check-bucket", "--disable", "Copy", source, to, cwd=self.home)


def _lines(address: Address) -> list[str]:
    return [f"{name} = {json.dumps(value)}" for name, value in address.items()]
