"""England's identifiers: which column holds which, and which values fail its check. Warn only: real data fails.

Sources: DfE, *UPN guide* (check letter, temporary UPNs); LRS, *ULN check digit*; GIAS (LAESTAB of 3 and 4 digits,
URN of 6).
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import mul
from types import MappingProxyType

_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
_UPN = re.compile(r"[A-Z][0-9]{11}[0-9A-Z]")
_ULN = re.compile(r"[1-9][0-9]{9}")
_LAESTAB = re.compile(r"[0-9]{3}[/ -]?[0-9]{4}")
_URN = re.compile(r"[1-9][0-9]{5}")


@lru_cache(1 << 14)
def is_upn(value: str) -> bool:
    """Check letter: weights 2 to 13 on characters 2 to 13, modulo 23. A temporary UPN ends with a letter."""
    if not _UPN.fullmatch(value):
        return False
    last = int(value[12]) if value[12].isdigit() else _LETTERS.find(value[12])
    total = sum(map(mul, map(int, value[1:12]), range(2, 13))) + 13 * last
    return last >= 0 and value[0] == _LETTERS[total % 23]


def is_uln(value: str) -> bool:
    """Ten digits with weights 10 to 1, modulo 11 equal to 10."""
    return (
        bool(_ULN.fullmatch(value))
        and sum(int(char) * weight for char, weight in zip(value, range(10, 0, -1), strict=True)) % 11 == 10
    )


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "upn": is_upn,
        "uln": is_uln,
        "laestab": lambda value: bool(_LAESTAB.fullmatch(value)),
        "urn": lambda value: bool(_URN.fullmatch(value)),
    }
)
"""By kind: does a value hold?"""

_NAMES = {
    "upn": "upn",
    "uniquepupilnumber": "upn",
    "formerupn": "upn",
    "pupilupn": "upn",
    "studentupn": "upn",
    "uln": "uln",
    "uniquelearnernumber": "uln",
    "laestab": "laestab",
    "dfenumber": "laestab",
    "schoolurn": "urn",
    "urn": "urn",
    "linkurn": "urn",
}
_PERSON = re.compile(
    r"(upn|uln|urn|laestab|adno|admno|admissionno|admissionnumber|sourcedid|refid|guid|sisid|misid"
    r"|(pupil|student|person|contact|staff|user|employee)(id|no|number|code))$|^id$"
)
_PASSWORD = re.compile(r"(^|_|\b)(password|passwd|pwd|passphrase|passcode)(_|\b|$)|password$", re.IGNORECASE)
_SEALED = re.compile(rb"(\$2[aby]\$|\$argon2|\$pbkdf2|\$[156]\$|\{SSHA|pbkdf2_sha)")
_HEX = re.compile(rb"[0-9a-fA-F]{40,128}")


def plain(name: str) -> str:
    """A column's name without case, blanks and punctuation; `_x0020_` is a blank of SIMS."""
    return re.sub(r"[^a-z0-9]", "", name.replace("_x0020_", "").lower())


def identifier_of(name: str) -> str:
    """The identifier that a column's name speaks of, or ""."""
    return _NAMES.get(plain(name), "")


def names_a_thing(name: str) -> bool:
    """Whether a column looks, by its name, as if it identifies a person or thing: these are counted in full."""
    return bool(_PERSON.search(plain(name)))


def names_a_password(name: str) -> bool:
    """Whether a column holds passwords by its name."""
    return bool(_PASSWORD.search(name))


def is_sealed(value: bytes) -> bool:
    """Whether a password is masked or hashed, so that nobody can read it."""
    return bool(_SEALED.match(value) or _HEX.fullmatch(value)) or not value.strip(b"*x. ")


KEY_IN_URL = re.compile(
    rb"[?&](?:amp;)?(?:api[_-]?key|apikey|key|access_token|auth_?token|token|secret|sig|signature|password)=[^&\s\"'<>,;]{8}",
    re.IGNORECASE,
)
"""A credential in a URL, such as the key of iSAMS' batch API."""
