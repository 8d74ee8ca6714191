"""A process that ends by its deadline, whatever it does."""

import os
import signal
import subprocess
import time

# timeout(1) kills what does not end by itself so many seconds after it was told to.
GRACE = 10
# And after so many more we go on without it: what hangs in the kernel can't be killed.
GIVEN_UP = 20
# What runs now: nothing is left behind by a run that is ended from outside.
alive = set()


class Clock:
    """How much time there is for everything."""

    def __init__(self, seconds):
        self.began, self.seconds = time.monotonic(), seconds

    def gone(self):
        return time.monotonic() - self.began

    def left(self, most=float("inf")):
        return max(0, min(self.seconds - self.gone(), most))


class Ended:
    """How a process ended. `cut` says who ended it, where it was not the process itself."""

    def __init__(self, code, seconds, cut, log):
        self.code, self.seconds, self.cut, self.log = code, seconds, cut, log

    def stdout(self):
        return read(self.log.with_name(self.log.name + ".out"))

    def stderr(self):
        return read(self.log.with_name(self.log.name + ".err"))

    def told(self):
        if self.cut:
            return f"cut off: {self.cut}"
        if self.code < 0:
            return f"died of {signal.Signals(-self.code).name}"
        return f"exit status {self.code}"


def read(path):
    return path.read_text(errors="replace") if path.exists() else ""


def run(command, seconds, log, *, cwd, environment, quiet=None):
    """Runs it for so many seconds at most, and for `quiet` seconds at most without a word on standard output."""
    seconds = int(seconds)
    if seconds < 1:
        return Ended(124, 0, "no time was left for it", log)
    out, began = log.with_name(log.name + ".out"), time.monotonic()
    limited = ["timeout", f"--kill-after={GRACE}", str(seconds), *map(str, command)]
    with open(out, "wb") as stdout, open(log.with_name(log.name + ".err"), "wb") as stderr:
        child = subprocess.Popen(limited, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=stdout,
                                 stderr=stderr)
    alive.add(child)
    cut = watch(child, seconds + GRACE + GIVEN_UP, out, quiet)
    alive.discard(child)
    took, code = time.monotonic() - began, child.returncode
    if cut is None and (code == 124 or took >= seconds and code in (137, -signal.SIGKILL)):
        cut = f"it had not ended after {seconds} s"
    return Ended(124 if code is None else code, took, cut, log)


def watch(child, seconds, out, quiet):
    """Waits, and says why it did not wait any longer."""
    began = heard = time.monotonic()
    size = 0
    while True:
        try:
            child.wait(0.2)
            return None
        except subprocess.TimeoutExpired:
            now = time.monotonic()
        if out.stat().st_size != size:
            size, heard = out.stat().st_size, now
        if quiet and now - heard > quiet:
            end(child)
            return f"nothing was heard of it for {quiet} s"
        if now - began > seconds:
            end(child)
            return f"it could not be killed after {round(now - began)} s"


def end_all():
    for child in list(alive):
        end(child)


def end(child):
    """timeout(1) passes the first signal on, and kills when it is over."""
    for number, patience in [(signal.SIGTERM, GRACE + 2), (signal.SIGKILL, 1)]:
        if child.poll() is None:
            # The group that timeout(1) made for itself and what it runs.
            try:
                os.killpg(child.pid, number)
            except (ProcessLookupError, PermissionError):
                child.send_signal(number)
            try:
                child.wait(patience)
            except subprocess.TimeoutExpired:
                pass
