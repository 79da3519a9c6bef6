"""From the configuration to the store and to what the vault says."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from escrow.errors import UsageError

from .config import Config, StoreConfig
from .output import Output

if TYPE_CHECKING:
    from escrow.engine.sync import Anchor
    from escrow.errors import StoreError
    from escrow.source import Rule, Source
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


def connect(
    store: StoreConfig, *, create: bool = False, limit_upload: float | None = None, tries: int | None = None
) -> "Store":
    """The store, with retries, and with a limit on uploads (bytes per second) where there is one."""
    from escrow.store import Retrying, Throttled

    opened = bare_store(store, create=create)
    limit = limit_upload or store.limit_upload
    return Retrying(
        Throttled(opened, limit) if limit else opened,
        attempts=tries or (_TRIES_FAR if store.url.startswith("s3:") else _TRIES_NEAR),
    )


def bare_store(store: StoreConfig, *, create: bool = False) -> "Store":
    """The store itself, as the probe needs it: an attack that is repeated proves nothing."""
    from escrow.store import open_store

    return open_store(
        store.url,
        create=create,
        endpoint=store.endpoint,
        region=store.region,
        ca_file=store.ca_file,
        path_style=store.path_style,
        profile=store.profile,
        content_md5=store.content_md5,
        expected_owner=store.owner,
    )


def sources_of(config: Config) -> "list[Source]":
    """What to deposit; escrow's own folders are left out where they lie inside one."""
    from escrow.store import folder_of

    places = [store_of(config), *(copy.store for copy in config.copies)]
    own = [config.state, *filter(None, (folder_of(place.url) for place in places))]
    return [one.open(own) for one in config.sources]


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
    """A vault, read: where from, and its history, held against the remembered head. `away`: places that do not answer,
    and why."""

    config: Config
    store: "Store"
    history: "History"
    away: "dict[str, StoreError]"

    def warn(self, output: Output) -> "list[Finding]":
        """Tell, beside a command's results, that something is amiss with the vault; gives the findings."""
        for name, error in self.away.items():
            output.note(f"{name} is away ({error.code}): read from {self.store.describe()}")
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
    """Everything public of the configured vault, from the store and all copies that are there, the store first.

    The store's own error when neither it nor a copy is there. Where the store is away, a copy that is behind is no
    rolled-back store.
    """
    from escrow.engine.memory import remembered_head
    from escrow.engine.reading import load_history

    from .places import attach, read_as_one, without_rollback

    anchor = anchor_of(config)
    places = attach(config)
    store = read_as_one(places)
    history = load_history(store, anchor, remembered_head(config.state, anchor.vault))
    away = {one.place.name: one.error for one in places if one.error and not one.place.offline}
    return OpenVault(config, store, history if places[0].store else without_rollback(history), away)
