"""`escrow store probe`: what the store really enforces, tried and told."""

from typing import TYPE_CHECKING

from .config import StoreConfig, load_config
from .exits import Exit
from .options import ConfigOption, JsonOption
from .output import Output
from .vault import store_of

if TYPE_CHECKING:
    from escrow.store import Store


def probe(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Try on small objects of its own what an attacker would, and tell what this store really enforces.

    \b
    Example: escrow store probe
    """
    from escrow.store.probe import probe as try_store
    from escrow.store.probe_judge import demand

    output = Output(as_json)
    loaded = load_config(config)
    report = try_store(bare_store(store_of(loaded)))
    for check in report.checks:
        output.row(f"{check.name:<20} {check.outcome:<14} {check.detail}", check=check.name, outcome=check.outcome)
    demand(report)
    output.finish(Exit.OK, "the store keeps what it locks")


def bare_store(store: StoreConfig, *, create: bool = False) -> "Store":
    """The store itself, without retries and limits: a repeated attack proves nothing."""
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
    )
