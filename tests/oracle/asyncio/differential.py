#!/usr/bin/env python3
"""Fresh random programs, under asyncio in virtual time and under `tailback conform`: do they say the same?

    differential.py [--seed S] [--count N] [--uvloop] [--keep-ties] [--jobs J] --tailback PATH OUTDIR

The Python that runs it is the reference: its own asyncio over vloop.py's clock and epoll, and with --uvloop
uvmodel.py's loop.  Programs that need a later version are left out.  A program that differs counts only if its order
is determined by asyncio: record.py's runs in which work takes time, sets of tasks have no order and durations are
stretched must all give the same order, or it is dropped (--keep-ties counts it all the same).

OUTDIR gets NAME.program.json and NAME.trace.json of those that differ, and what tailback said in NAME.difference.txt.
The last line is `N agreed, M differed, K dropped`; exit status 0 if nothing differed.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import generate
import record
import run_asyncio
import vloop
from check import number

HERE = "%d.%d" % sys.version_info[:2]
PROGRAM, TRACE = ".program.json", ".trace.json"
# Programs that tailback compares in one run.
BATCH = 500


def programs(seed, count):
    """The programs of a seed, as generate.py writes them: every second timed, every fourth with several sockets."""
    for i in range(count):
        program = generate.Generator(f"{seed}/{i}", i % 2 == 1, i % 8 in (1, 2)).program(f"gen-{seed}-{i:05d}")
        if number(program.get("since", "3.8")) <= number(HERE):
            yield program


def differing(tailback, uvloop, folder):
    """What tailback says of the programs that differ, by name."""
    how = ["--uvloop"] if uvloop else ["--python", HERE]
    command = [tailback, "conform", "--check", *how, "--limit", "1000000", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"tailback: {done.stderr.strip()}")
    found, name = {}, None
    for line in done.stdout.splitlines()[:-1]:
        if line.endswith(PROGRAM):
            name = pathlib.Path(line).name[:-len(PROGRAM)]
            found[name] = []
        else:
            found[name].append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def compare(batch, args):
    """(agreed, differed, dropped) of some programs."""
    with tempfile.TemporaryDirectory() as folder:
        folder, known, failed = pathlib.Path(folder), {}, 0
        for program in batch:
            trace = record.trace_of(program)
            if trace is None:
                failed += 1
                continue
            known[program["name"]] = program, trace
            (folder / (program["name"] + PROGRAM)).write_text(json.dumps(program))
            (folder / (program["name"] + TRACE)).write_text(json.dumps(trace))
        found = differing(args.tailback, args.uvloop, folder)
    differed = 0
    for name, text in found.items():
        program, trace = known[name]
        if not args.keep_ties and record.stable(program)[0] is None:
            failed += 1
            continue
        differed += 1
        (args.out / (name + PROGRAM)).write_text(run_asyncio.show_program(program) + "\n")
        (args.out / (name + TRACE)).write_text(run_asyncio.show(trace) + "\n")
        (args.out / (name + ".difference.txt")).write_text(text + "\n")
    return len(known) - len(found), differed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--keep-ties", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--tailback", required=True)
    parser.add_argument("out", type=pathlib.Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.uvloop:
        import uvmodel
        vloop.VirtualLoop = uvmodel.UvLoop
    everything = list(programs(args.seed, args.count))
    batches = [everything[at:at + BATCH] for at in range(0, len(everything), BATCH)]
    with tempfile.TemporaryDirectory() as folder:
        children = []
        for job in range(args.jobs):
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    counts = [compare(batch, args) for batch in batches[job::args.jobs]]
                    (pathlib.Path(folder) / str(job)).write_text(json.dumps(counts))
                    status = 0
                finally:
                    os._exit(status)
            children.append(pid)
        if any([os.waitpid(pid, 0)[1] for pid in children]):
            sys.exit("a worker process failed; its error stands above")
        counts = [count for path in pathlib.Path(folder).iterdir() for count in json.loads(path.read_text())]
    agreed, differed, dropped = (sum(each) for each in zip(*counts)) if counts else (0, 0, 0)
    where = "uvloop's model" if args.uvloop else f"asyncio of Python {HERE}"
    print(f"{where}, seed {args.seed}: {agreed} agreed, {differed} differed, {dropped} dropped")
    sys.exit(differed > 0)


if __name__ == "__main__":
    main()
