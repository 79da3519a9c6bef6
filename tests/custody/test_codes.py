"""Every code of docs/format.md, section 13, is one that the code gives, and the other way round."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
KINDS = {"key-use", "notice-given", "closure-order", "holders-statement", "hold-cleared", "deletion-certificate"}
ELSEWHERE = {"field-unknown", "field-missing", "vault-mismatch", "signature", "vault-transferred"}
ELSEWHERE |= {"erasure-damaged", "erasure-whole"}  # which keys alone show
ELSEWHERE |= {"object-missing", "series-expired", "key-shredded"}  # which the objects show


def test_the_format_and_the_code_name_the_same_codes() -> None:
    section = (ROOT / "docs" / "format.md").read_text("utf-8").split("## 13. ")[1].split("## 14. ")[0]
    told = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", section)) - KINDS - ELSEWHERE
    files = [ROOT / "escrow" / "trust" / name for name in ("events.py", "handover.py", "ending.py")]
    source = "".join(path.read_text("utf-8") for path in files)
    call = r'(?:add|_refused|RefusedError|_check_quorum)\(\s*(?:charter, signers, )?"([a-z-]+)"'
    given = set(re.findall(call, source))
    assert len(given) > 15
    assert told == given
