"""A vault with its agent, in this process: for what the command line cannot be asked."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from escrow.custody import Plan, new_vault
from escrow.engine.night import Agent
from escrow.engine.ports import SystemClock
from escrow.engine.state import State
from escrow.engine.sync import Anchor
from escrow.record import Agent as CharterAgent
from escrow.record import Compartment, School
from escrow.seal import SigningKey
from escrow.store import FolderStore, Store


def bench_agent(folder: Path, store: Store | None = None) -> Agent:
    """A new vault in `store`, or in `folder`/vault, with two compartments; its agent's state is in `folder`/state."""
    key = SigningKey.generate()
    plan = Plan(
        school=School(name="Bench"),
        role="bench",
        agents=[CharterAgent(key=key.public().encode(), name="bench")],
        compartments=[
            Compartment(name="documents", nights=366, keep_days=30),
            Compartment(name="records", nights=31, keep_days=30),
        ],
        strictest="records",
        cap_days=800,
    )
    now = datetime.now(UTC).replace(microsecond=0)
    made = new_vault(plan, now)
    store = store or FolderStore(folder / "vault", create=True)
    for name, data in made.public.items():
        store.put(name, data, retain_until=now + timedelta(days=plan.cap_days))
    state = State.open(folder / "state")
    return Agent(store, state, key, SystemClock(), Anchor(made.vault, made.fingerprint))
