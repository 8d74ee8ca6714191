"""What must be there before anything runs, and goes again afterwards."""

import contextlib
import filecmp
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile

from .child import end_all

# File systems whose files cuFile takes.
SERVED = ("ext4", "xfs")


class Ready:
    """Where things are, and what had to be done for it."""

    def __init__(self, environment, scratch, leave_udev):
        self.environment, self.scratch, self.leave_udev = environment, scratch, leave_udev
        self.notes, self.missing = [], []

    def note(self, text):
        self.notes.append(text)

    def name_file_system(self, said):
        """Writes the entry of udev that doctor finds missing, in doctor's words; only root can."""
        udev = next((it for it in said["findings"] if it["topic"] == "udev"), None)
        if udev is None or udev["state"] != "missing":
            return False
        lines = (udev["remedy"] or "").splitlines()[1:]
        if not lines:
            return False
        if self.leave_udev or os.geteuid() != 0:
            why = "it was asked not to be" if self.leave_udev else "this is not root"
            self.note(f"udev's entry was not written, because {why}: {udev['what']}")
            return False
        wrote = subprocess.run(["timeout", "10", "sh", "-ec", "\n".join(lines)], capture_output=True, text=True)
        done = "written" if wrote.returncode == 0 else f"not written ({wrote.stderr.strip()})"
        self.note(f"udev's entry was {done}, and stays: `{lines[-1]}`")
        return wrote.returncode == 0


@contextlib.contextmanager
def prepared(bundle, about, scratch, leave_udev):
    with contextlib.ExitStack() as undo:
        place = scratch_in(bundle, scratch)
        # Short, because the path of a socket that a test makes in it must be.
        folder = pathlib.Path(undo.enter_context(tempfile.TemporaryDirectory(
            dir=place, prefix="tp-", ignore_cleanup_errors=True)))
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("INSTA_", "PROPTEST_", "RUST_TEST_")) and name != "NIXL_PLUGIN_DIR"}
        environment |= {
            "TIERPROOF_SCRATCH": str(folder), "INSTA_WORKSPACE_ROOT": str(bundle / "source"), "INSTA_UPDATE": "no",
            "CUFILE_ALLOW_COMPAT_MODE": "true", "CUFILE_LOGFILE_PATH": str(folder / "cufile.log"),
            "RUST_BACKTRACE": "1",
        }
        ready = Ready(environment, folder, leave_udev)
        undo.callback(end_all)
        environment["TIERPROOF_NIXL"] = str(trusted(bundle / "nixl", undo, ready))
        for it in about["places"]:
            reach(pathlib.Path(it["path"]), bundle / it["is"], undo, ready)
        yield ready


def scratch_in(bundle, asked):
    """What was asked for, or the first of the usual places that lies on a disk's file system."""
    if asked:
        return pathlib.Path(asked).absolute()
    usual = [path for path in [pathlib.Path("/var/tmp"), bundle, pathlib.Path.home(), pathlib.Path("/")]
             if os.access(path, os.W_OK)]
    return next((path for path in usual if file_system(path) in SERVED), pathlib.Path(tempfile.gettempdir()))


def file_system(path):
    """The type of the mount that holds it."""
    found = ("", "unknown")
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        point = left.split()[4].encode().decode("unicode_escape")
        if pathlib.Path(path).resolve().is_relative_to(point) and len(point) >= len(found[0]):
            found = (point, right.split()[0])
    return found[1]


def trusted(nixl, undo, ready):
    """tierproof loads nothing that others could have written. Where this bundle lies so, a copy does not."""
    nobody_else = all(ours(path) for path in [*nixl.resolve().parents, nixl, *nixl.rglob("*")])
    if nobody_else:
        return nixl
    copy = pathlib.Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="tierproof-nixl-"))) / "nixl"
    shutil.copytree(nixl, copy)
    for path in [copy, *copy.rglob("*")]:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o022)
    ready.note(f"NIXL was copied to {copy}, because others could write it where the bundle lies")
    return copy


def ours(path):
    status = path.stat()
    sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    return status.st_uid in (0, os.geteuid()) and (not status.st_mode & stat.S_IWOTH or bool(sticky))


def reach(path, real, undo, ready):
    """Makes a path of the machine that built the tests lead to what the bundle has of it."""
    if path.is_symlink() and not path.exists() and "tierproof-gpu-" in os.readlink(path):
        path.unlink()  # a run that was killed left it
    if path.exists():
        if not same(path, real):
            ready.missing.append(f"{path} is here, and is something else")
        return
    try:
        for folder in reversed([it for it in path.parents if not it.exists()]):
            folder.mkdir()
            undo.callback(remove, folder.rmdir)
        path.symlink_to(real)
    except OSError as error:
        ready.missing.append(f"{path} can't be made: {error.strerror}")
        return
    undo.callback(remove, path.unlink)
    ready.note(f"{path}, which tests were built with, led to the bundle's {real.name} meanwhile")


def same(path, real):
    if path.is_file():
        return filecmp.cmp(path, real, shallow=False)
    plans = sorted(it.relative_to(real) for it in (real / "tests/plans").glob("*.json"))
    return all((path / plan).is_file() and filecmp.cmp(path / plan, real / plan, shallow=False) for plan in plans)


def remove(how):
    with contextlib.suppress(OSError):
        how()
