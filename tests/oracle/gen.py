#!/usr/bin/env python3
"""Generate random programs for the gevent oracle (docs/conform.md says what a program is).

The generator that made the gen-* programs of tests/corpus: the same seed makes the same programs.

    gen.py --seed S --count N [--sockets] OUTDIR

With --sockets every program has two to four socket pairs, so that several
descriptors become ready together.

Two thirds take no time at all (sleep(0), zero timeouts): they test order alone.
The rest use real durations from a small palette per program, so that deadlines
rarely coincide by accident; record.py drops those that do.  The step weights
lean towards what a wrong scheduler gets wrong: take-backs right after a release,
callbacks queued inside callbacks, burns between a deadline and a wake-up, clocks
left stale by a burn, and timeouts due together with readiness.
"""
import argparse
import json
import pathlib
import random

DURATIONS = [10, 13, 17, 22, 29, 36, 47, 58, 71]
KINDS = ["semaphore", "event", "queue", "pair", "channel", "rlock", "result", "condition", "pool", "stdlib"]
TIMED_KINDS = KINDS + ["remote", "remote", "threads"]


class Generator:
    def __init__(self, seed, timed, sockets=False):
        self.rng = random.Random(seed)
        self.timed, self.sockets = timed, sockets
        self.palette = sorted(self.rng.sample(DURATIONS, 4))
        self.objects, self.bodies, self.tags = {}, {}, 0
        self.names = {}  # greenlet name -> body

    # -- pieces ------------------------------------------------------------

    def ms(self):
        return self.rng.choice(self.palette)

    def maybe(self, chance):
        return self.rng.random() < chance

    def tagged(self, op, **fields):
        self.tags += 1
        return {"op": op, **fields, "tag": f"{op[0]}{self.tags}"}

    def patience(self):
        """No limit, an immediate one, or a real one."""
        if self.maybe(0.6):
            return {}
        return {"timeout_ms": self.ms() if self.timed else 0}

    def declare(self):
        rng = self.rng
        kinds = TIMED_KINDS if self.timed else KINDS
        chosen = rng.sample(kinds, rng.randint(2, 4))
        if self.sockets:
            chosen = ["pair"] * rng.randint(2, 4) + [k for k in chosen if k != "pair"][:1]
        for kind in chosen:
            spec = {"type": kind}
            if kind == "semaphore":
                spec["value"] = rng.choice([0, 0, 1, 1, 2])
            elif kind in ("queue", "stdlib"):
                spec = {"type": "queue"}
                if kind == "stdlib":
                    spec["impl"] = "stdlib"
                if self.maybe(0.3):
                    spec["order"] = "lifo"
                if self.maybe(0.5):
                    spec["maxsize"] = rng.choice([1, 2])
            elif kind == "pool":
                spec["size"] = rng.choice([1, 2, 2])
            elif kind == "threads":
                spec["size"] = rng.choice([1, 2])
            elif kind == "condition" and self.maybe(0.3):
                spec["lock"] = "lock"
            self.objects[f"{kind[0]}{len(self.objects) + 1}"] = spec

    # -- steps -------------------------------------------------------------

    def use(self, name, body):
        """A short burst of steps on one object."""
        rng, spec, on = self.rng, self.objects[name], {"on": name}
        kind = spec["type"]
        if kind == "semaphore":
            return rng.choice([
                lambda: [self.tagged("acquire", **on, **self.patience())],
                lambda: [self.tagged("acquire", **on, **self.patience()), *self.some(body, 1), {"op": "release", **on}],
                lambda: [self.tagged("release", **on)],
                lambda: [self.tagged("release", **on), self.tagged("acquire", **on, **self.patience())],
                lambda: [{"op": "release", **on}, self.tagged("release", **on)],
                lambda: [self.tagged("acquire", **on, block=False)],
                lambda: [self.tagged("wait", **on, **self.patience())],
            ])()
        if kind == "rlock":
            return [self.tagged("acquire", **on), *self.some(body, 1), self.tagged("release", **on)]
        if kind == "event":
            return rng.choice([
                lambda: [self.tagged("wait", **on, **self.patience())],
                lambda: [self.tagged("set", **on)],
                lambda: [self.tagged("set", **on), {"op": "clear", **on}],
                lambda: [self.tagged("set", **on), self.tagged("wait", **on)],
                lambda: [self.tagged("clear", **on), self.tagged("wait", **on, **self.patience())],
            ])()
        if kind == "result":
            return [self.tagged("get", **on, **self.patience())] if self.maybe(0.6) else [self.tagged("set", **on, item=body)]
        if kind in ("queue", "channel"):
            self.tags += 1
            put = {"op": "put", **on, "item": f"i{self.tags}", **self.patience(), "tag": f"p{self.tags}"}
            return rng.choice([
                lambda: [put],
                lambda: [self.tagged("get", **on, **self.patience())],
                lambda: [put, self.tagged("get", **on, **self.patience())],
            ])()
        if kind == "pair":
            return [self.tagged("send", on=name + ".a", bytes=rng.randint(1, 3))]
        if kind == "condition":
            inner = rng.choice([
                lambda: [self.tagged("wait", **on, **({"timeout_ms": self.ms()} if self.timed and self.maybe(0.5) else {}))],
                lambda: [self.tagged("notify", **on, n=rng.choice([1, 1, 2, "all"]))],
            ])()
            return [{"op": "acquire", **on}, *inner, self.tagged("release", **on)]
        if kind == "pool":
            return [self.tagged("spawn", body="leaf", pool=name)]
        if kind == "threads":
            return [self.tagged("apply", **on, ms=self.ms())]
        return []

    def feed(self, name):
        """Steps that wake waiters of this object without blocking."""
        kind, on = self.objects[name]["type"], {"on": name}
        if kind == "semaphore":
            return [self.tagged("release", **on)] * self.rng.randint(1, 3)
        if kind in ("event", "result"):
            return [self.tagged("set", **on)]
        if kind == "queue" and "maxsize" not in self.objects[name]:
            return [self.tagged("put", **on, item="last")] * self.rng.randint(1, 3)
        if kind == "pair":
            return [self.tagged("send", on=name + ".a", bytes=2)] * self.rng.randint(1, 2)
        if kind == "condition":
            return [{"op": "acquire", **on}, {"op": "notify", **on, "n": "all"}, self.tagged("release", **on)]
        return []

    def one(self, body, depth):
        rng = self.rng
        choices = [("use", 10), ("yield", 4), ("spawn", 1.5), ("join", 1), ("kill", 0.7), ("repeat", 0.7 if depth else 0),
                   ("timeout", 0.8 if depth else 0), ("idle", 0.3)]
        threads = False
        if self.timed:
            threads = any(spec["type"] == "threads" for spec in self.objects.values())
            choices += [("sleep", 4), ("burn", 0 if threads else 1), ("later", 0.8)]
        kind = rng.choices([c for c, _ in choices], [w for _, w in choices])[0]
        if kind == "use":
            return self.use(rng.choice(self.shared), body)
        if kind == "yield":
            return [self.tagged("sleep", ms=0)]
        if kind == "idle":
            return [self.tagged("idle")]
        if kind == "sleep":
            return [self.tagged("sleep", ms=self.ms())]
        if kind == "burn":
            return [self.tagged("burn", ms=self.ms())]
        if kind == "spawn":
            return [{"op": "spawn", "body": "leaf"}]
        if kind == "later":  # a burn beside native threads would make them queue for the GIL
            burst = [{"op": "spawn", "body": "leaf", "after_ms": self.ms()}] * rng.choice([1, 1, 3])
            return [self.tagged("burn", ms=self.ms()), *burst] if self.maybe(0.5) and not threads else burst
        if kind == "repeat":
            return [{"op": "repeat", "times": rng.randint(2, 3), "steps": self.some(body, 2, 0)}]
        if kind == "timeout" and not self.fragile(body):
            return [self.tagged("timeout", ms=self.ms() if self.timed else 0, steps=self.some(body, 2, 0))]
        others = [n for n, b in self.names.items() if b != body]
        if kind == "join" and others:
            count = rng.choice([1, 1, 2]) if len(others) > 1 else 1
            return [self.tagged("join", target=rng.sample(others, count), **self.patience())]
        if kind == "kill":
            others = [n for n in others if not self.fragile(self.names[n])]
            if others:
                return [self.tagged("kill", target=[rng.choice(others)], block=self.maybe(0.5))]
        return [self.tagged("sleep", ms=0)]

    def some(self, body, count, depth=1):
        steps = []
        for _ in range(count):
            steps += self.one(body, depth)
        return steps

    def fragile(self, body):
        """Bodies that use a condition or a standard queue are left to finish:
        what an exception does inside those is CPython's business, not gevent's."""
        return any(self.objects[n]["type"] == "condition" or self.objects[n].get("impl") for n in self.shared)

    # -- a program -----------------------------------------------------------

    def readers(self):
        """Each pair end and each remote has one owner, as real sockets do."""
        for name, spec in self.objects.items():
            if spec["type"] == "pair":
                body = f"read_{name}"
                self.bodies[body] = [self.tagged("recv", on=name + ".b", bytes=self.rng.choice([1, 8]))
                                     if self.maybe(0.7) else self.one(body, 0)[0] for _ in range(4)]
                self.names[body] = body
            elif spec["type"] == "remote":
                body = f"call_{name}"
                steps = []
                for _ in range(2):
                    steps += [{"op": "request", "on": name, "ms": self.ms()}, *(self.some(body, 1) if self.maybe(0.4) else []),
                              self.tagged("recv", on=name)]
                self.bodies[body] = steps
                self.names[body] = body

    def program(self, name):
        rng = self.rng
        self.declare()
        self.shared = [n for n, spec in self.objects.items() if spec["type"] != "remote"] or list(self.objects)
        workers = rng.randint(2, 4)
        for i in range(workers):
            for copy in range(rng.choice([1, 1, 2, 3])):
                self.names[f"w{i}{'abc'[copy]}"] = f"w{i}"
        self.readers()
        for body in sorted(set(self.names.values()) - set(self.bodies)):
            self.bodies[body] = self.some(body, rng.randint(2, 6))
        self.bodies["leaf"] = [self.tagged("mark")] + ([self.tagged("sleep", ms=0)] if self.maybe(0.5) else [])
        spawns = [{"op": "spawn", "body": body, "as": greenlet} for greenlet, body in self.names.items()]
        rng.shuffle(spawns)
        main = spawns + self.some("main", rng.randint(1, 4))
        for on in rng.sample(self.shared, len(self.shared)):  # feed what others may be waiting for
            main += [self.tagged("sleep", ms=0)] * rng.randint(0, 2) + self.feed(on)
        kind = "timed" if self.timed else "untimed"
        return {"version": 1, "name": name, "about": f"generated, {kind}", "rules": [], "objects": self.objects,
                "bodies": {"main": main, **self.bodies}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--sockets", action="store_true")
    parser.add_argument("out", type=pathlib.Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for i in range(args.count):
        name = f"gen-{args.seed}-{i:04d}"
        program = Generator(f"{args.seed}/{i}", i % 3 == 2, args.sockets).program(name)
        (args.out / f"{name}.json").write_text(json.dumps(program) + "\n")


if __name__ == "__main__":
    main()
