"""From the configuration to the store and to what the vault says."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from escrow.errors import UsageError

from .config import Config, StoreConfig
from .output import Output

if TYPE_CHECKING:
    from escrow.engine.sync import Anchor
    from escrow.source import FolderSource, Rule
    from escrow.store import Store
    from escrow.trust import Finding, History

_TRIES_FAR = 6
_TRIES_NEAR = 3


def store_of(config: Config) -> StoreConfig:
    """The store's part of the configuration. UsageError `config-store`."""
    if config.store is None:
        hint = "give it a [store] with a url, or set ESCROW_STORE"
        raise UsageError("config-store", f"{config.file}: expected a store, found none", hint=hint)
    return config.store


def connect(store: StoreConfig, *, create: bool = False, limit_upload: float | None = None) -> "Store":
    """The store, with retries, and with a limit on uploads (bytes per second) where there is one."""
    from escrow.store import Retrying, Throttled, open_store

    opened = open_store(
        store.url,
        create=create,
        endpoint=store.endpoint,
        region=store.region,
        ca_file=store.ca_file,
        path_style=store.path_style,
        profile=store.profile,
        content_md5=store.content_md5,
    )
    limit = limit_upload or store.limit_upload
    return Retrying(
        Throttled(opened, limit) if limit else opened,
        attempts=_TRIES_FAR if store.url.startswith("s3:") else _TRIES_NEAR,
    )


def sources_of(config: Config) -> "list[FolderSource]":
    """The folders to deposit; escrow's own are left out where they lie inside one."""
    from escrow.source import FolderSource
    from escrow.store import folder_of

    vault = folder_of(store_of(config).url)
    own = [config.state, vault] if vault else [config.state]
    return [FolderSource(one.name, one.path, ignore=one.ignore, skip=own) for one in config.sources]


def rules_of(config: Config) -> "list[Rule]":
    """Which files go to which compartment."""
    from escrow.source import Rule

    return [Rule(rule.compartment, rule.globs) for rule in config.rules]


def anchor_of(config: Config) -> "Anchor":
    """What pins the vault. UsageError `config-vault` before `escrow init`."""
    from escrow.engine.sync import Anchor

    if config.vault is None or config.fingerprint is None:
        hint = "run escrow init, or take both lines from the vault.toml of the public parts"
        raise UsageError("config-vault", f"{config.file}: expected vault and fingerprint, found none", hint=hint)
    return Anchor(config.vault, config.fingerprint)


@dataclass(frozen=True, slots=True)
class OpenVault:
    """A vault, read: its store and its history, held against the remembered head."""

    config: Config
    store: "Store"
    history: "History"

    def warn(self, output: Output) -> "list[Finding]":
        """Tell, beside a command's results, that something is amiss with the vault; gives the findings."""
        errors = [finding for finding in self.history.findings if finding.severity == "error"]
        if errors:
            output.note(f"{len(errors)} findings, such as {errors[0].code} ({errors[0].detail}): run escrow verify")
        return errors

    def remember(self) -> None:
        """Remember the head that was seen, unless the store was rolled back."""
        from escrow.engine.memory import remember_head

        rolled_back = any(finding.code.startswith("rollback") for finding in self.history.findings)
        if self.history.head and not rolled_back:
            remember_head(self.config.state, self.history.vault, self.history.head)


def read_vault(config: Config) -> OpenVault:
    """Everything public of the configured vault."""
    from escrow.engine.memory import remembered_head
    from escrow.engine.reading import load_history

    anchor = anchor_of(config)
    store = connect(store_of(config))
    return OpenVault(config, store, load_history(store, anchor, remembered_head(config.state, anchor.vault)))
