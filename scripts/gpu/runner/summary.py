"""All of it on a page, in Markdown."""

import re
from collections import Counter

from .libtest import CUT, FAILED, IGNORED, NOT_RUN, PASSED

OUTCOMES = [PASSED, FAILED, IGNORED, CUT, NOT_RUN]
BACKENDS = ["Sim", "Dram", "Posix", "NixlPosix", "CudaDram", "Gds", "GdsMt"]
# How many failures are told with their reasons; all are in results.json.
TOLD = 40


def passed(results):
    """Whether all that was asked for ran and passed."""
    asked, rows = results["asked"], results["tests"]
    if "doctor" in asked and not doctor_passed(results["doctor"]):
        return False
    if any(it["outcome"] != PASSED for it in rows):
        return False
    for part, golden in [("goldens", True), ("tests", False)]:
        if part in asked and not any(it["golden"] == golden for it in rows):
            return False
    return "benches" not in asked or results["benches"]["passed"]


def doctor_passed(doctor):
    return doctor["said"] is not None and all(trial["works"] for trial in doctor["said"]["trials"])


def of(results):
    about, rows = results["bundle"], results["tests"]
    parts = [
        f"# {about['name']}",
        f"Commit `{about['commit']}`{', changed' if about['changed'] else ''}, {about['rustc']}. "
        f"Asked for: {', '.join(results['asked'])}. {results['seconds']} s of {results['minutes'] * 60:.0f} s.",
        verdict(results), machine(results["machine"]), notes(results["notes"]), doctor(results["doctor"]),
    ]
    if "goldens" in results["asked"]:
        parts.append(goldens([it for it in rows if it["golden"]]))
    if "tests" in results["asked"]:
        parts.append(suites([it for it in rows if not it["golden"]]))
    parts.append(failures([it for it in rows if it["outcome"] not in (PASSED, IGNORED)]))
    parts.append(ignored([it for it in rows if it["outcome"] == IGNORED]))
    if "benches" in results["asked"]:
        parts.append(benches(results["benches"]))
    return "\n\n".join(part for part in parts if part) + "\n"


def verdict(results):
    counts = Counter(it["outcome"] for it in results["tests"])
    tests = ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES)
    words = "All that was asked for ran and passed"
    if not passed(results):
        words = f"**Not {words[0].lower()}{words[1:]}**"
    return f"{words}: {tests} tests." if results["tests"] else f"{words}."


def machine(seen):
    rows = [[name, value] for name, value in seen.items() if name != "libraries"]
    rows += [[f"`{it['path'].rsplit('/', 1)[-1]}`", f"`{it['path']}`<br>SHA-256 `{it['sha256']}`"]
             for it in seen["libraries"]]
    return "## The machine\n\n" + table(["", ""], rows)


def notes(said):
    return "## What was done to it\n\n" + "\n".join(f"- {it}" for it in said) if said else ""


def doctor(asked):
    if asked["said"] is None:
        return f"## Doctor\n\nIt said nothing: {asked['ended']}."
    rows = []
    for trial in asked["said"]["trials"]:
        for route in trial["routes"] or ["none"]:
            rows.append([trial["backend"], route, how(trial, route)])
    text = "## Doctor\n\nOne verified block over each route of each backend.\n\n"
    text += table(["backend", "route", "how"], rows)
    others = [it for it in asked["said"]["findings"] if it["state"] != "ok"]
    if others:
        text += "\n\n" + "\n".join(f"- {it['topic']}, {it['state']}: {it['what']}" for it in others)
    return text


def how(trial, route):
    """Direct, staged or compat; a fallback is the whole backend's, so it is told at the routes that it can be about."""
    if route == "none":
        return f"does not work: {trial['why']}"
    words = ["staged" if route in trial.get("staged", []) else "direct"]
    for it in trial["fallbacks"]:
        compat = "compat" in it["instead"]
        if "file" not in route or compat and "device" not in route:
            continue
        words = words[1:] if compat and words[0] == "direct" else words
        words.append(f"{it['instead']} instead of {it['wanted']} ({it['reason']})")
    if not trial["works"]:
        words.append(f"and then it failed: {trial['why']}")
    return "; ".join(words)


def goldens(rows):
    """Scenario by backend, from names such as `…::case_1_beams::on_2_On__Gds`."""
    cells = {}
    for it in rows:
        cells.setdefault(scenario(it["name"]), {})[backend(it["name"])] = it["outcome"]
    here = [it for it in BACKENDS if any(it in cell for cell in cells.values())]
    here += sorted({it for cell in cells.values() for it in cell} - set(BACKENDS))
    lines = [[name, *[cells[name].get(it, "–") for it in here]] for name in sorted(cells)]
    return "## Goldens\n\nDecided as `golden/decisions` says; – is not asked of a backend.\n\n" + (
        table(["scenario", *here], lines) if lines else "None ran.")


def scenario(name):
    found = re.search(r"::case_\d+_(\w+?)(::|$)", name)
    return found[1].strip("_") if found else re.sub(r"::on_\d+_.*", "", name).rsplit("::", 1)[-1]


def backend(name):
    found = re.search(r"On__(\w+?)(?:_\d+_)?(?:::|$)", name)
    if found:
        return found[1]
    return "NixlPosix" if name.startswith("nixl::") else "?"


def suites(rows):
    counts = {}
    for it in rows:
        counts.setdefault(suite(it), Counter())[it["outcome"]] += 1
    lines = [[name, *[str(counts[name][outcome] or "") for outcome in OUTCOMES]] for name in sorted(counts)]
    return "## Tests\n\n" + (table(["suite", *OUTCOMES], lines) if lines else "None ran.")


def suite(it):
    """The binary, and of the lockstep suite on a GPU and through NIXL the module and the backend."""
    head = it["name"].split("::")[0]
    if it["binary"].endswith("/lockstep") and head in ("gpu", "nixl"):
        return f"{it['binary']}, {head}, {backend(it['name'])}"
    return it["binary"]


def failures(rows):
    if not rows:
        return ""
    # What is the same for all of a suite is told once.
    groups = {}
    for it in rows:
        groups.setdefault((suite(it), it["outcome"], it["why"]), []).append(it["name"])
    lines = []
    for (name, outcome, why), names in list(groups.items())[:TOLD]:
        most = 8 if outcome == FAILED else 2
        shown = ", ".join(f"`{it}`" for it in names[:most])
        more = f" and {len(names) - most} more" if len(names) > most else ""
        lines.append(f"- {name}, {outcome}: {shown}{more}" + (f"\n  {flat(why)}" if why else ""))
    more = f"\n- and {len(groups) - TOLD} other reasons: see results.json" if len(groups) > TOLD else ""
    return "## What did not pass\n\n" + "\n".join(lines) + more


def ignored(rows):
    return "## Ignored\n\n" + "\n".join(f"- {it['binary']} `{it['name']}`: {it['why'] or 'no reason is given'}"
                                        for it in rows) if rows else ""


def benches(ran):
    text = f"## Benches\n\n{ran['ended'].capitalize()}."
    if ran["text"].strip():
        text += f"\n\n{ran['text'].strip()}"
    if not ran["passed"] and ran.get("errors", "").strip():
        text += f"\n\n```text\n{ran['errors'].strip()}\n```"
    return text


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(flat(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def flat(text):
    return " ".join(text.split())
