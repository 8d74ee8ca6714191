"""What this machine is, as far as its files, nvidia-smi and doctor tell."""

import datetime
import hashlib
import os
import pathlib
import re
import subprocess

UNKNOWN = "unknown"


def seen(doctor, environment):
    found = {it["topic"]: it for it in doctor["findings"]} if doctor else {}
    nixl = (doctor or {}).get("nixl") or {}
    libraries = [nixl["library"]] if nixl else []
    libraries += [it["file"] for it in nixl.get("created", [])]
    cufile = what(found, "cufile")
    at = re.fullmatch(r"cuFile (\S+) at (.+)", cufile)
    if at and pathlib.Path(at[2]).is_file():
        libraries.append({"path": at[2], "sha256": hashlib.sha256(pathlib.Path(at[2]).read_bytes()).hexdigest()})
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%d %B %Y, %H:%M UTC"),
        "GPU": asked_smi() or what(found, "cuda"),
        "driver": what(found, "driver"),
        "CUDA": what(found, "cuda"),
        "kernel": f"{os.uname().sysname} {os.uname().release} {os.uname().machine}",
        "system": line_of("/etc/os-release", r'PRETTY_NAME="?([^"]*)"?'),
        "C library": os.confstr("CS_GNU_LIBC_VERSION"),
        "CPU": f"{line_of('/proc/cpuinfo', r'model name.*: (.*)')}, {cores()} cores for us",
        "memory": memory(line_of("/proc/meminfo", r"MemTotal: *(\d+) kB")),
        "file system": f"{what(found, 'file-system')}; {what(found, 'direct-io')}",
        "udev": what(found, "udev"),
        "NIXL": what(found, "nixl"),
        "cuFile": cufile,
        "cuFile's settings": what(found, "cufile-json"),
        "between GPU and disk": what(found, "gds-path"),
        "user": "root" if os.geteuid() == 0 else f"user {os.geteuid()}",
        "libraries": libraries,
    }


def what(found, topic):
    return found[topic]["what"] if topic in found else UNKNOWN


def asked_smi():
    query = ["timeout", "30", "nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except FileNotFoundError:
        return None
    return "; ".join(said.stdout.strip().splitlines()) if said.returncode == 0 else None


def cores():
    return len(os.sched_getaffinity(0))


def line_of(path, pattern):
    try:
        text = pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return UNKNOWN
    found = re.search(f"^{pattern}$", text, re.MULTILINE)
    return found[1].strip() if found else UNKNOWN


def memory(kilobytes):
    return f"{int(kilobytes) / (1 << 20):.0f} GiB" if kilobytes.isdigit() else kilobytes
