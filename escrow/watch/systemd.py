"""Pure: a Linux machine's units. A sandboxed service, its timer, and the same sandbox around the self-test."""

import re
from collections.abc import Sequence

from escrow.errors import UsageError
from escrow.watch.job import Job

CREDENTIAL = "/etc/escrow/s3-credentials"
"""Where root keeps the S3 credential (an AWS credentials file); systemd hands a copy to the service alone."""

_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")

_SANDBOX = """\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0077
"""


def units(job: Job, user: str) -> dict[str, str]:
    """Unit files by name, for the system account `user`. Raises UsageError `unit-user`, `unit-path`."""
    if not _USER.fullmatch(user):
        raise UsageError("unit-user", f"expected a system account's name, found {user!r}", hint="such as escrow")
    return {
        "escrow-agent.service": _service("deposit the night", job.run(), job, user),
        "escrow-agent-test.service": _service("try what a night needs", job.test(), job, user),
        "escrow-agent.timer": _timer(job),
    }


def _service(what: str, command: Sequence[str], job: Job, user: str) -> str:
    wanted = "" if job.store and not job.network else "Wants=network-online.target\nAfter=network-online.target\n"
    writes = [quote(job.state), *([quote(job.store, "-")] if job.store else [])]
    return (
        f"[Unit]\nDescription=escrow: {what}\n{wanted}\n"
        f"[Service]\nType=oneshot\nUser={user}\nNice=10\nTimeoutStartSec=23h\n"
        f"ExecStart={' '.join(quote(word).replace('$', '$$') for word in command)}\n"
        f"ReadWritePaths={' '.join(writes)}\n"
        f"{_network(job)}{_SANDBOX}"
    )


def _network(job: Job) -> str:
    """Folders alone need none at all: the kernel does what a share needs."""
    if job.store and not job.network:
        return "PrivateNetwork=yes\nRestrictAddressFamilies=AF_UNIX\n"
    families = "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n"
    credential = f"LoadCredential=s3:{CREDENTIAL}\nEnvironment=AWS_SHARED_CREDENTIALS_FILE=%d/s3\n"
    return families if job.store else families + credential


def _timer(job: Job) -> str:
    return (
        "[Unit]\nDescription=escrow: every night\n\n"
        f"[Timer]\nOnCalendar=*-*-* {job.at:%H:%M}:00\nOnBootSec=10min\nPersistent=true\n"
        "RandomizedDelaySec=20min\nFixedRandomDelay=yes\nAccuracySec=1min\nUnit=escrow-agent.service\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def quote(word: str, prefix: str = "") -> str:
    """A word of a unit file, `%` doubled (systemd.syntax(7), Quoting). UsageError `unit-path` on control characters."""
    if not word.isprintable():
        raise UsageError("unit-path", f"expected a path of printable characters, found {word!r}", hint="rename it")
    text = word.replace("%", "%%")
    if _PLAIN.fullmatch(text):
        return prefix + text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{prefix}{escaped}"'
