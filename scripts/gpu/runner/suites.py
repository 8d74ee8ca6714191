"""Test binaries, in pieces beside each other."""

import queue
import re
import sys
import threading

from . import libtest, machine
from .child import run
from .libtest import CUT, FAILED, NOT_RUN

# No test is silent for longer: on a GPU a watchdog ends what hangs after a minute.
QUIET = 150
GOLDEN = re.compile(r"(^|::)(every_backend_decides_alike|it_decides_as_the_goldens_say|a_long_day_is_decided_alike)")
# What cuFile's batches have in flight is limited for a whole process, so these run one by one in theirs.
ALONE = re.compile(r"tierproof-backends/gds |tierproof-tests/lockstep .*On__Gds(?!Mt)")
# What needs this machine, the quickest first: opening and closing GDS takes two seconds.
ON_GPU = [
    re.compile(pattern) for pattern in
    [r"tierproof-tests/lockstep (vectors::)?gpu::", r"tierproof-backends/gds_mt ", r"tierproof-backends/gds "]
]


class Piece:
    """Some tests of one binary, for one process."""

    def __init__(self, test, names, threads):
        self.test, self.names, self.threads = test, names, threads


def run_all(bundle, about, ready, parts, match, clock, out):
    """One row for each test: its binary, its name, whether it is a golden, what came of it and why."""
    rows, pieces = [], []
    beside = processes(machine.cores())
    for test in about["tests"]:
        names, why = names_of(bundle, test, ready, clock, out)
        if why:
            rows.append(row(test, "(all)", FAILED, why))
            continue
        asked = [name for name in names if wanted(test["name"], name, parts, match)]
        can_not = [name for name in asked if ready.missing and test["bound"] is not None and test["bound"] in name]
        rows += [row(test, name, NOT_RUN, "; ".join(ready.missing)) for name in can_not]
        can = [name for name in asked if name not in set(can_not)]
        for part in [[name for name in can if GOLDEN.search(name)], [name for name in can if not GOLDEN.search(name)]]:
            pieces += cut_up(test, part, beside)
    pieces.sort(key=urgency)
    print(f"{sum(len(it.names) for it in pieces)} tests in {len(pieces)} pieces, {beside} beside each other …",
          file=sys.stderr)
    Crew(bundle, ready, pieces, rows, clock, out).work(beside)
    return sorted(rows, key=lambda it: (it["binary"], it["name"]))


def processes(cores):
    return max(1, min(8, cores // 2))


def wanted(binary, name, parts, match):
    part = "goldens" if GOLDEN.search(name) else "tests"
    return part in parts and (match is None or re.search(match, f"{binary} {name}") is not None)


def names_of(bundle, test, ready, clock, out):
    log = out / f"{test['name'].replace('/', '-')}.list"
    command = [bundle / test["file"], "--list", "--format", "terse"]
    ended = run(command, clock.left(30), log, cwd=bundle / "source", environment=ready.environment)
    why = None if ended.code == 0 else f"its tests can't be listed: {ended.told()} {ended.stderr()[-300:]}".strip()
    return libtest.listed(ended.stdout()), why


def cut_up(test, names, beside):
    """Three pieces for each process, so that none waits long for the last one; those that run alone apart."""
    alone = [name for name in names if ALONE.search(f"{test['name']} {name}")]
    others = [name for name in names if name not in set(alone)]
    pieces = []
    for some, threads in [(alone, 1), (others, 2)]:
        count = min(3 * beside, -(-len(some) // 4))
        # Cases of one test lie side by side in the list, and so in different pieces.
        pieces += [Piece(test, some[number::count], threads) for number in range(count)]
    return pieces


def urgency(piece):
    """Goldens come first, and then what needs this machine."""
    name = f"{piece.test['name']} {piece.names[0]}"
    rank = next((number for number, suite in enumerate(ON_GPU) if suite.search(name)), len(ON_GPU))
    return not GOLDEN.search(piece.names[0]), rank


def row(test, name, outcome, why=""):
    return {"binary": test["name"], "name": name, "golden": bool(GOLDEN.search(name)), "outcome": outcome, "why": why}


class Crew:
    """Takes piece after piece, and what is left of one that broke."""

    def __init__(self, bundle, ready, pieces, rows, clock, out):
        self.bundle, self.ready, self.rows, self.clock, self.out = bundle, ready, rows, clock, out
        self.pieces, self.lock, self.number = queue.Queue(), threading.Lock(), 0
        for piece in pieces:
            self.pieces.put(piece)

    def work(self, beside):
        workers = [threading.Thread(target=self.take, daemon=True) for _ in range(beside)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def take(self):
        while True:
            try:
                piece = self.pieces.get_nowait()
            except queue.Empty:
                return
            while piece:
                piece = self.carry_out(piece)

    def carry_out(self, piece):
        """Runs it, and answers what of it is still to be run."""
        with self.lock:
            self.number += 1
            log = self.out / f"{self.number:03}-{piece.test['name'].replace('/', '-')}"
        command = [self.bundle / piece.test["file"], "--exact", f"--test-threads={piece.threads}", "--format=pretty",
                   "--color=never", *piece.names]
        home = self.bundle / "source" / piece.test["folder"]
        ended = run(command, self.clock.left(), log, cwd=home, environment=self.ready.environment, quiet=QUIET)
        outcomes, left = judged(piece, libtest.Said(ended.stdout()), ended, self.clock.left() >= 1)
        with self.lock:
            self.rows += [row(piece.test, name, *outcome) for name, outcome in outcomes.items()]
            for name, (outcome, why) in outcomes.items():
                if outcome in (FAILED, CUT):
                    print(f"{outcome}: {piece.test['name']} {name}: {why}", file=sys.stderr)
        return left


def judged(piece, said, ended, time_left):
    """What came of the piece's tests, and a piece of those that another process is to run."""
    outcomes = {name: said.outcomes[name] for name in piece.names if name in said.outcomes}
    missing = [name for name in piece.names if name not in outcomes]
    if not missing:
        clean = ended.code == 0 or FAILED in [outcome for outcome, _ in outcomes.values()]
        if not clean or ended.cut:
            # Every test had its verdict, and then the process did not end as it should: nobody's, so the last one's.
            outcomes[piece.names[-1]] = (FAILED, f"after the last test the process {ended.told()}")
        return outcomes, None
    if said.ended:
        return outcomes | {name: (FAILED, "it is listed, and did not run") for name in missing}, None
    if ended.cut and not time_left:
        return outcomes | {name: (CUT, ended.cut) for name in missing}, None
    if piece.threads > 1:
        # One by one, which tells whose fault it is.
        return outcomes, Piece(piece.test, missing, 1)
    culprit = said.running if said.running in missing else missing[0]
    outcomes[culprit] = (CUT, ended.cut) if ended.cut else (FAILED, f"the process {ended.told()}")
    missing.remove(culprit)
    return outcomes, Piece(piece.test, missing, 1) if missing else None
