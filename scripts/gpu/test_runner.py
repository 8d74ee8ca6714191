"""Promise: what a bundle's `run` says of tests is what they said, and what did not run is never passed."""

import os
import pathlib
import stat
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from runner import child, libtest, setting, suites, summary  # noqa: E402, because of the path above
from runner.libtest import CUT, FAILED, IGNORED, NOT_RUN, PASSED  # noqa: E402

WHOLE = """
running 4 tests
test a::b ... ok
test a::boom - should panic ... ok
test c::case_1::on_2_On__Gds ... FAILED
test d ... ignored, NIXL is not here: run scripts/fetch-nixl

failures:

---- c::case_1::on_2_On__Gds stdout ----

thread 'c::case_1::on_2_On__Gds' (17) panicked at tests/a.rs:3:5:
no GPU: the driver is not there
note: run with `RUST_BACKTRACE=1`


failures:
    c::case_1::on_2_On__Gds

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s
"""


class ATestBinary(unittest.TestCase):
    def test_lists_its_tests(self):
        self.assertEqual(libtest.listed("a::b: test\nc: test\nd: bench\n"), ["a::b", "c"])

    def test_says_what_came_of_each(self):
        said = libtest.Said(WHOLE)
        why = "tests/a.rs:3:5: no GPU: the driver is not there"
        self.assertEqual(said.outcomes, {
            "a::b": (PASSED, ""), "a::boom": (PASSED, ""), "c::case_1::on_2_On__Gds": (FAILED, why),
            "d": (IGNORED, "NIXL is not here: run scripts/fetch-nixl")})
        self.assertTrue(said.ended)

    def test_may_be_talked_over_by_a_library(self):
        said = libtest.Said("test a ... [cufile] hello\nmore\nok\ntest b ... hello ok\ntest c ... ")
        self.assertEqual(said.outcomes, {"a": (PASSED, ""), "b": (PASSED, "")})
        self.assertEqual((said.running, said.ended), ("c", False))

    def test_has_no_verdict_where_another_test_began(self):
        self.assertEqual(libtest.Said("test a ... oh\ntest b ... ok\n").outcomes, {"b": (PASSED, "")})
        self.assertEqual(libtest.Said("test a ... broken\nnotok\n").outcomes, {})


class ABrokenPiece(unittest.TestCase):
    test = {"name": "p/t", "file": "tests/p-t", "folder": ".", "bound": None}

    def judged(self, text, code, threads=1, cut=None, time_left=True, names="abc"):
        piece = suites.Piece(self.test, list(names), threads)
        ended = child.Ended(code, 1, cut, pathlib.Path("log"))
        outcomes, left = suites.judged(piece, libtest.Said(text), ended, time_left)
        return {name: it[0] for name, it in outcomes.items()}, left and (left.names, left.threads)

    def test_has_one_culprit_and_the_others_run_again(self):
        self.assertEqual(self.judged("test a ... ok\ntest b ... ", -11), ({"a": PASSED, "b": FAILED}, (["c"], 1)))
        hung = self.judged("test a ... ok\ntest b ... ", 124, cut="slow")
        self.assertEqual(hung, ({"a": PASSED, "b": CUT}, (["c"], 1)))

    def test_with_threads_is_run_one_by_one(self):
        self.assertEqual(self.judged("test b ... ok\n", -6, threads=2), ({"b": PASSED}, (["a", "c"], 1)))

    def test_always_comes_to_an_end(self):
        self.assertEqual(self.judged("", 127), ({"a": FAILED}, (["b", "c"], 1)))
        self.assertEqual(self.judged("", 127, names="a"), ({"a": FAILED}, None))

    def test_is_cut_off_when_the_time_is_over(self):
        expected = {"a": PASSED, "b": CUT, "c": CUT}
        self.assertEqual(self.judged("test a ... ok\n", 124, threads=2, cut="slow", time_left=False), (expected, None))

    def test_did_not_pass_if_it_ended_badly_or_left_one_out(self):
        all_well = "test a ... ok\ntest b ... ok\ntest c ... ok\ntest result: ok. 3 passed"
        self.assertEqual(self.judged(all_well, 0), (dict.fromkeys("abc", PASSED), None))
        self.assertEqual(self.judged(all_well, -11)[0]["c"], FAILED)
        self.assertEqual(self.judged(all_well.replace("test b ... ok\n", ""), 0)[0]["b"], FAILED)


class Pieces(unittest.TestCase):
    def test_hold_every_test_once(self):
        names = [f"gpu::t::on_{number}_On__{on}" for number in range(9) for on in ["CudaDram", "Gds", "GdsMt"]]
        for beside in [1, 2, 8]:
            pieces = suites.cut_up({"name": "tierproof-tests/lockstep"}, names, beside)
            self.assertEqual(sorted(name for it in pieces for name in it.names), sorted(names))
            for it in pieces:
                gds = {name.endswith("On__Gds") for name in it.names}
                self.assertEqual((len(gds), it.threads == 1), (1, gds == {True}), "GDS runs alone in its process")

    def test_are_as_many_as_the_machine_can_take(self):
        self.assertEqual([suites.processes(cores) for cores in [1, 2, 16, 128]], [1, 1, 8, 8])


class AProcess(unittest.TestCase):
    def run_it(self, script, seconds, quiet=None):
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder) / "log"
            ended = child.run(["sh", "-c", script], seconds, log, cwd=folder, environment=os.environ, quiet=quiet)
            return ended.code, ended.cut, ended.stdout(), ended.told()

    def test_says_how_it_ended(self):
        self.assertEqual(self.run_it("echo hi; exit 3", 9), (3, None, "hi\n", "exit status 3"))
        self.assertEqual(self.run_it("kill -SEGV $$", 9)[3], "died of SIGSEGV")
        self.assertEqual(self.run_it("exit 124", 9)[0], 124)

    def test_is_cut_off_and_says_so(self):
        self.assertEqual(self.run_it("echo hi; sleep 60", 1)[1:3], ("it had not ended after 1 s", "hi\n"))
        silent = self.run_it("echo hi; sleep 60", 30, quiet=1)
        self.assertEqual(silent[1:3], ("nothing was heard of it for 1 s", "hi\n"))
        self.assertEqual(self.run_it("true", 0)[1], "no time was left for it")


class TheSummary(unittest.TestCase):
    def results(self, **others):
        compat = {"wanted": "GPU and disk directly", "instead": "cuFile's compat mode", "reason": "no nvidia-fs"}
        trials = [
            {"backend": "gds", "works": True, "routes": ["device-file", "file-device"], "staged": ["device-file"],
             "why": None, "fallbacks": [compat]},
            {"backend": "dram", "works": True, "routes": ["device-host"], "staged": [], "why": None, "fallbacks": []}]
        row = {"binary": "tierproof-tests/lockstep", "golden": True, "outcome": PASSED, "why": ""}
        return {
            "bundle": {"name": "b", "commit": "c", "changed": False, "rustc": "rustc 1"},
            "asked": ["doctor", "goldens"], "minutes": 9, "seconds": 5, "notes": [],
            "machine": {"GPU": "H100", "libraries": []},
            "doctor": {"said": {"trials": trials, "findings": []}, "ended": "exit status 0"},
            "tests": [{**row, "name": "goldens::every_backend_decides_alike::case_07_beams::on_1_On__Sim_0_"},
                      {**row, "name": "gpu::it_decides_as_the_goldens_say::case_07_beams::on_3_On__GdsMt"}],
            **others}

    def test_tells_how_bytes_go_and_what_each_golden_decided(self):
        text = summary.of(self.results())
        for words in ["| gds | file-device | cuFile's compat mode instead of", "| gds | device-file | staged; cuFile's",
                      "| dram | device-host | direct |", "| scenario | Sim | GdsMt |", "| beams | passed | passed |",
                      "All that was asked for ran and passed: 2 passed, 0 failed"]:
            self.assertIn(words, text)

    def test_passes_only_if_everything_ran_and_passed(self):
        self.assertTrue(summary.passed(self.results()))
        good = self.results()["tests"]
        for outcome in [FAILED, IGNORED, CUT, NOT_RUN]:
            rows = [good[0], {**good[1], "outcome": outcome, "why": "because"}]
            self.assertFalse(summary.passed(self.results(tests=rows)), outcome)
            self.assertIn("because", summary.of(self.results(tests=rows)))
        broken = [{"tests": []}, {"asked": ["tests"]}, {"doctor": {"said": None, "ended": "cut off"}},
                  {"asked": ["benches"], "benches": {"passed": False, "text": "", "ended": "cut off: slow"}}]
        for others in broken:
            self.assertFalse(summary.passed(self.results(**others)), others)
            self.assertIn("**Not all", summary.of(self.results(**others)))


class TheSetting(unittest.TestCase):
    def ready(self, **others):
        return setting.Ready({}, pathlib.Path("/nowhere"), **{"leave_udev": False, **others})

    def test_puts_a_path_where_there_is_none_and_takes_it_away_again(self):
        with tempfile.TemporaryDirectory() as folder:
            folder, undo, ready = pathlib.Path(folder), setting.contextlib.ExitStack(), self.ready()
            (folder / "real").mkdir()
            with undo:
                setting.reach(folder / "a/b/link", folder / "real", undo, ready)
                self.assertTrue((folder / "a/b/link").is_dir())
            self.assertEqual(([it.name for it in folder.iterdir()], ready.missing), (["real"], []))

    def test_leaves_alone_what_is_there(self):
        with tempfile.TemporaryDirectory() as folder, setting.contextlib.ExitStack() as undo:
            folder, ready = pathlib.Path(folder), self.ready()
            for name, text in [("mine", "a"), ("real", "b")]:
                (folder / name).write_text(text)
            setting.reach(folder / "mine", folder / "real", undo, ready)
            self.assertEqual(((folder / "mine").read_text(), len(ready.missing)), ("a", 1))

    def test_copies_nixl_from_where_others_can_write(self):
        with tempfile.TemporaryDirectory() as folder, setting.contextlib.ExitStack() as undo:
            nixl, ready = pathlib.Path(folder) / "nixl", self.ready()
            nixl.mkdir()
            (nixl / "lib.so").write_text("")
            self.assertEqual(setting.trusted(nixl, undo, ready), nixl)
            (nixl / "lib.so").chmod(0o666)
            copy = setting.trusted(nixl, undo, ready)
            self.assertEqual(stat.S_IMODE((copy / "lib.so").stat().st_mode), 0o644)

    def test_writes_for_udev_only_as_root(self):
        udev = {"topic": "udev", "state": "missing", "what": "b1:2 names no file system",
                "remedy": "as root:\nmkdir -p /x\nprintf y > /x/b1:2"}
        with mock.patch.object(setting.os, "geteuid", return_value=1000):
            ready = self.ready()
            self.assertFalse(ready.name_file_system({"findings": [udev]}))
            self.assertIn("not root", ready.notes[0])
        with mock.patch.object(setting.os, "geteuid", return_value=0), \
                mock.patch.object(setting.subprocess, "run", return_value=mock.Mock(returncode=0)) as run:
            self.assertTrue(self.ready().name_file_system({"findings": [udev]}))
            self.assertEqual(run.call_args.args[0][-1], "mkdir -p /x\nprintf y > /x/b1:2")
            self.assertFalse(self.ready().name_file_system({"findings": [{**udev, "state": "ok"}]}))


if __name__ == "__main__":
    unittest.main()
