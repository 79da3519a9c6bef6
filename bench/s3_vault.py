"""A vault of very many small objects in a bucket, and L1a of it in this process."""

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from random import Random

from bench.vault import bench_agent
from escrow.engine.night import Agent, Work, run_night
from escrow.engine.ports import NoProgress
from escrow.engine.reading import load_history
from escrow.engine.sync import Anchor
from escrow.engine.verify import verify_listing
from escrow.record import Notice, ObjectRef, notice_name, pack_name
from escrow.source import FolderSource
from escrow.store import Store
from escrow.store.s3 import S3Store
from escrow.store.s3_options import S3Options
from escrow.trust import History, Link, sign_record

_NOTICE = 500
_PACK = 200


def bucket(endpoint: str, name: str) -> S3Store:
    """The bucket as escrow opens it; credentials from the environment."""
    return S3Store(S3Options(name, "vault", endpoint=endpoint, path_style=True))


def many_objects(folder: Path, store: Store, count: int) -> Anchor:
    """A vault whose notices name `count` small packs that nobody can open, all of them locked as they should be."""
    agent = bench_agent(folder, store)
    (folder / "source").mkdir()
    run_night(agent, Work([FolderSource("mis", folder / "source")], [], lambda: True), NoProgress())
    agent.state.close()
    random = Random(1)
    for _ in range(0, count, _NOTICE):
        _add(agent, load_history(store, agent.anchor), [random.randbytes(_PACK) for _ in range(_NOTICE)])
    return agent.anchor


def _add(agent: Agent, history: History, bodies: list[bytes]) -> None:
    last: Link = history.main[-1]
    part = last.notice.series[0]
    record = history.series[part.series].record
    assert record
    until: datetime = record.retain_until
    refs = [ObjectRef(sha256=hashlib.sha256(body).hexdigest(), size=len(body), head_sha256="0" * 64) for body in bodies]
    part = replace(part, first_pack=len(last.packs(part.series)), packs=tuple(refs), manifest=None)
    notice: Notice = replace(last.notice, seq=last.notice.seq + 1, prev=last.sha256, kind="progress", series=(part,))
    envelope = sign_record(notice, [agent.key])
    with ThreadPoolExecutor(8) as pool:
        puts = [
            pool.submit(agent.store.put, pack_name(part.series, ref.sha256), body, retain_until=until)
            for ref, body in zip(refs, bodies, strict=True)
        ]
        for each in puts:
            each.result()
    agent.store.put(notice_name(notice.seq, envelope), envelope, retain_until=until)


def time_l1a(endpoint: str, name: str, anchor: Anchor) -> str:
    """One L1a of the vault: objects, seconds and findings, as JSON."""
    store = bucket(endpoint, name)
    history = load_history(store, anchor)
    begin = time.perf_counter()
    checked = verify_listing(store, history, NoProgress())
    seconds = time.perf_counter() - begin
    return json.dumps({"objects": checked.count, "seconds": seconds, "findings": len(checked.findings)})
