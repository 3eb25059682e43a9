"""Loads a trace into Perfetto's trace processor and holds its tables against the file."""

import json
import sys


def counted(processor, what):
    return next(iter(processor.query(f"select count(*) as n from {what}"))).n


def main(path):
    with open(path, encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    kinds = {}
    for event in events:
        kinds[event["ph"]] = kinds.get(event["ph"], 0) + 1
    try:
        from perfetto.trace_processor import TraceProcessor

        processor = TraceProcessor(trace=path)
    except Exception as problem:  # It fetches a program from the network, which may not be there.
        print(f"skipped: the trace processor cannot be started here ({type(problem).__name__}: {problem})".splitlines()[0])
        return 0
    slices, flows = counted(processor, "slice"), counted(processor, "flow")
    errors = counted(processor, "stats where severity = 'error' and value > 0")
    print(f"slices {slices} of {kinds['X']}, flows {flows} of {kinds['s']}, errors {errors}")
    waits = processor.query(
        "select name, sum(dur) as total from slice where category = 'wait' group by name order by total desc limit 5"
    )
    for row in waits:
        print(f"{row.total / 1e6:10.1f} ms  {row.name}")
    processor.close()
    same = slices == kinds["X"] and flows == kinds["s"] and errors == 0
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
