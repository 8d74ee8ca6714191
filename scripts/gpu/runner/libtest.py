"""What a Rust test binary says of its tests."""

import re

PASSED, FAILED, IGNORED, CUT, NOT_RUN = "passed", "failed", "ignored", "cut off", "not run"
BEGUN = re.compile(r"test (\S+)(?: - should panic.*?)? \.\.\. (.*)")
VERDICT = re.compile(r"(?:.*[^\w])?(ok|FAILED|ignored(?:, .*)?)")
ENDED = re.compile(r"test result: (?:ok|FAILED)\. ")


def listed(text):
    """Names of `--list --format terse`."""
    return [line.removesuffix(": test") for line in text.splitlines() if line.endswith(": test")]


class Said:
    """What came of each test, which one was running at the end, and whether the binary came to its end."""

    def __init__(self, text):
        self.outcomes, self.running, self.ended = {}, None, False
        for line in text.splitlines():
            self.hear(line)
            if self.ended:
                break
        # They are told at the very end, which a process that broke did not reach.
        found = reasons(text)
        for name, (outcome, _) in self.outcomes.items():
            if outcome == FAILED:
                self.outcomes[name] = (FAILED, found.get(name, "its reason went with its process"))

    def hear(self, line):
        """With one thread the name is written before the test runs, so that libraries may write between it and
        the verdict."""
        if ENDED.match(line):
            self.ended = True
        elif begun := BEGUN.fullmatch(line):
            self.running = begun[1]
            self.judge(begun[2])
        elif self.running:
            self.judge(line)

    def judge(self, words):
        verdict = VERDICT.fullmatch(words)
        if not verdict:
            return
        word, _, why = verdict[1].partition(", ")
        outcome = {"ok": PASSED, "FAILED": FAILED, "ignored": IGNORED}[word]
        self.outcomes[self.running], self.running = (outcome, why), None


def reasons(text):
    """The first words of each failure."""
    found = {}
    parts = re.split(r"^---- (\S+) stdout ----$", text, flags=re.MULTILINE)
    for name, words in zip(parts[1::2], parts[2::2]):
        lines = [line.strip() for line in words.splitlines()]
        lines = [line for line in lines if line and not line.startswith(("note: ", "stack backtrace:"))]
        # The panic's place is a line of its own, and its message the next.
        at = next((number for number, line in enumerate(lines) if " panicked at " in line), None)
        told = lines[:1] if at is None else [lines[at].partition(" panicked at ")[2], *lines[at + 1:at + 2]]
        found[name] = " ".join(told)[:400]
    return found
