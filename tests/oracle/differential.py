#!/usr/bin/env python3
"""Fresh random programs, under gevent and under `tailback conform`: do they say the same?

    differential.py [--seed S] [--count N] [--virtual | --real] [--no-stretch] --tailback PATH OUTDIR
    differential.py --record ... OUTDIR      only record programs with their traces, without tailback

Call it through differential.sh, which installs gevent.

--real runs gevent as it is, in real time. --virtual runs gevent's own primitives over virtual.py's loop: the
default above 500 programs. A program whose order changes when it runs again, or when its durations are stretched by
up to 4 %, relies on what gevent leaves open: it is dropped instead of counted as a difference, unless --no-stretch
says otherwise. With --record every program is looked at in that way, else only those that differ.

Every program runs in a child of a process that has gevent loaded, so that it gets a fresh hub within a millisecond.
OUTDIR gets NAME.program.json and NAME.trace.json, and OUTDIR/differing those that differ, with what tailback said.
Exit status 0 if nothing differed.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import gen
import wider

# As the corpus was recorded: so many runs as written must agree, and so many with stretched durations.
PLAIN, JITTERED = 3, 2
# Stretched runs of a program that differs from tailback: two may miss a tie.
JITTERED_DIFFERING = 12
# Fresh traces, in real time, of a program that differs: a busy machine is late once, tailback is wrong each time.
REPEATS = 4
# Seconds for one run.
LIMIT_S = 20
# Above so many programs, virtual time is the default.
REAL_MAX = 500
# Two times are alike within so many milliseconds and that part.
TOLERANCE_MS, TOLERANCE_PART = 8, 0.10
PROGRAM, TRACE = ".program.json", ".trace.json"


def order(trace):
    return [(who, tag) for _, who, tag in trace]


def near(got, want):
    return all(abs(a[0] - b[0]) <= TOLERANCE_MS + TOLERANCE_PART * b[0] for a, b in zip(got, want))


class Oracle:
    """gevent, loaded once; every run is a fork of it."""

    def __init__(self, virtual):
        self.virtual = virtual
        if virtual:
            import virtual as module
            self.show, self.show_program = module.run_gevent.show, module.run_gevent.show_program
        else:
            import run_gevent as module
            self.show, self.show_program = module.show, module.show_program
        self.run = module.run

    def trace_of(self, program, jitter=None):
        """The trace, or None if the run failed or took too long."""
        with tempfile.TemporaryFile("w+") as out:
            pid = os.fork()
            if pid == 0:
                try:
                    signal.alarm(LIMIT_S)
                    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)   # tracebacks of greenlets that end by an error
                    json.dump(self.run(program, jitter), out)
                    out.flush()
                    os._exit(0)
                finally:
                    os._exit(1)
            status = os.waitpid(pid, 0)[1]
            out.seek(0)
            return json.load(out) if status == 0 else None

    def unstable(self, program, first, jittered=JITTERED):
        """Why the trace cannot be relied on: order, times or tie; None if it can."""
        for _ in range(0 if self.virtual else PLAIN - 1):
            again = self.trace_of(program)
            if again is None or order(again) != order(first):
                return "order"
            if not near(again, first):
                return "times"
        for seed in range(0 if program.get("exact") else jittered):
            again = self.trace_of(program, seed)
            if again is None or order(again) != order(first):
                return "tie"
        return None


def generate(seed, count, sockets, wide):
    """The programs of a seed: every third timed, every second (or all, or none) with several socket pairs."""
    module = wider if wide else gen
    for i in range(count):
        pairs = i % 2 == 1 if sockets is None else sockets
        name = f"{'wide-' if wide else ''}{'sock' if pairs else 'gen'}-{seed}-{i:05d}"
        yield module.Generator(f"{seed}/{i}", i % 3 == 2, pairs).program(name)


def in_parallel(jobs, items, work):
    """Calls work(item) for all items in so many processes; returns the words they returned, in the order of items."""
    with tempfile.TemporaryDirectory() as folder:
        children = []
        for job in range(jobs):
            pid = os.fork()
            if pid == 0:
                try:
                    words = [work(item) for item in items[job::jobs]]
                    (pathlib.Path(folder) / str(job)).write_text(json.dumps(words))
                    os._exit(0)
                except BaseException:
                    import traceback
                    traceback.print_exc()
                finally:
                    os._exit(1)
            children.append(pid)
        if any([os.waitpid(pid, 0)[1] for pid in children]):
            sys.exit("a worker process failed; its error stands above")
        words = [None] * len(items)
        for job in range(jobs):
            words[job::jobs] = json.loads((pathlib.Path(folder) / str(job)).read_text())
        return words


def record(oracle, programs, folder, jobs, check):
    """Writes programs with their traces; with check, only those that are stable. Returns how many of each verdict."""
    def one(program):
        trace = oracle.trace_of(program)
        if trace is None:
            return "failed"
        reason = oracle.unstable(program, trace) if check else None
        if reason:
            return reason
        (folder / (program["name"] + PROGRAM)).write_text(oracle.show_program(program) + "\n")
        (folder / (program["name"] + TRACE)).write_text(oracle.show(trace) + "\n")
        return "ok"

    verdicts = in_parallel(jobs, programs, one)
    return {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))}


def differing(tailback, places):
    """What `tailback conform --check` finds in files or folders: program file -> its report."""
    if not places:
        return {}
    command = [*tailback, "conform", "--check", "--limit", "1000000", *map(str, places)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}: {done.stderr.strip()[-2000:]}")
    found, path = {}, None
    for line in done.stdout.splitlines():
        if line.startswith(" "):
            found[path].append(line)
        elif line.endswith(PROGRAM):
            path = pathlib.Path(line)
            found[path] = []
    return found


def trace_path(path):
    return path.with_name(path.name.removesuffix(PROGRAM) + TRACE)


def compare(oracle, args):
    """Runs tailback on what was recorded, and sorts out differences that are none. Returns how many of either kind."""
    found = differing(args.tailback, [args.out])

    def again(path):
        trace = oracle.trace_of(json.loads(path.read_text()))
        if trace:
            trace_path(path).write_text(oracle.show(trace) + "\n")

    for _ in range(0 if oracle.virtual else REPEATS):
        in_parallel(args.jobs, list(found), again)
        found = differing(args.tailback, list(found))

    def verdict(path):
        program, trace = (json.loads(p.read_text()) for p in (path, trace_path(path)))
        return oracle.unstable(program, trace, JITTERED_DIFFERING)

    paths = list(found)
    reasons = in_parallel(args.jobs, paths, verdict) if args.stretch else [None] * len(paths)
    aside = args.out / "differing"
    for path, reason in zip(paths, reasons):
        if reason:
            continue
        aside.mkdir(exist_ok=True)
        for file in path, trace_path(path):
            shutil.copy(file, aside)
        report = "\n".join(found[path])
        (aside / path.name.replace(PROGRAM, ".difference.txt")).write_text(report + "\n")
        print(path, report, sep="\n")
    return sum(not reason for reason in reasons), sum(bool(reason) for reason in reasons)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    loop = parser.add_mutually_exclusive_group()
    loop.add_argument("--virtual", dest="virtual", action="store_true", default=None)
    loop.add_argument("--real", dest="virtual", action="store_false")
    parser.add_argument("--sockets", action=argparse.BooleanOptionalAction, help="several socket pairs in all programs, "
                        "or in none; without this, in every second one")
    parser.add_argument("--wider", action="store_true", help="steps that gen.py uses rarely or never")
    parser.add_argument("--stretch", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--tailback", type=lambda text: text.split(), default=["tailback"], help="the command")
    parser.add_argument("out", type=pathlib.Path, metavar="OUTDIR")
    args = parser.parse_args()
    if args.virtual is None:
        args.virtual = args.count > REAL_MAX
    oracle = Oracle(args.virtual)
    args.out.mkdir(parents=True, exist_ok=True)
    if next(args.out.glob("*" + PROGRAM), None):
        sys.exit(f"{args.out} holds programs already: give a new folder")
    programs = list(generate(args.seed, args.count, args.sockets, args.wider))
    verdicts = record(oracle, programs, args.out, args.jobs, args.record and args.stretch)
    recorded = verdicts.pop("ok", 0)
    dropped = sum(verdicts.values())
    if args.record:
        print(f"{recorded} recorded, {dropped} dropped {verdicts or ''}")
        return
    differed, ties = compare(oracle, args)
    kind = "virtual time" if args.virtual else "real time"
    print(f"seed {args.seed}, gevent in {kind}: {recorded - differed - ties} agreed, {differed} differed, {dropped + ties} dropped")
    sys.exit(differed > 0)


if __name__ == "__main__":
    main()
