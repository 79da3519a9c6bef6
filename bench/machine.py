"""What the numbers were measured on."""

import os
import platform
import subprocess
from pathlib import Path


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.split(":" if ":" in line else "=", 1)[1].strip().strip('"')
    return "unknown"


def machine(folder: Path) -> dict[str, str]:
    """Processor, cores, memory, disk of `folder`, operating system and Python, in words. Linux only."""
    memory = int(_field("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    disk = subprocess.run(
        ["df", "--output=fstype,size", "-BG", str(folder)], capture_output=True, text=True, check=True
    ).stdout.splitlines()[-1]
    return {
        "processor": _field("/proc/cpuinfo", "model name"),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory:.0f} GiB",
        "disk": " ".join(disk.split()),
        "system": f"{_field('/etc/os-release', 'PRETTY_NAME')}, Linux {platform.release()}",
        "python": platform.python_version(),
    }
