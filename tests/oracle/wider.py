"""Random programs that use more of the format than gen.py's: what the recorded corpus does rarely or never.

Links, task_done and joins of queues and pools, joins of several with a count, kills of several, names used again,
greenlets that are aimed at before they start, replaced requests, both ends of a pair, attempts that do not block,
nested timeouts and loops, and errors: over-releases, foreign locks.
"""
import gen


class Generator(gen.Generator):
    def declare(self):
        super().declare()
        for name, spec in self.objects.items():
            if spec["type"] == "semaphore" and self.maybe(0.3):
                spec["bounded"] = True
            if spec["type"] == "pool" and self.maybe(0.3):
                del spec["size"]

    def one(self, body, depth):
        if self.maybe(0.35):
            return self.rare(body, depth) or super().one(body, depth)
        return super().one(body, depth)

    def rare(self, body, depth):
        """A burst of rarely used steps, or nothing where they do not fit."""
        rng = self.rng
        kind = rng.choice(["aim", "aim", "again", "object", "object", "nest"])
        if kind == "aim":
            return self.aim(body)
        if kind == "again":  # a name used again: whoever is aimed at it later gets this one
            name = rng.choice(list(self.names))
            later = {"after_ms": self.ms()} if self.timed and self.maybe(0.5) else {}
            return [{"op": "spawn", "body": "leaf", "as": name, **later}, *(self.aim(body) if self.maybe(0.5) else [])]
        if kind == "object":
            name = rng.choice(list(self.objects))
            return self.rare_use(name, body)
        if depth and not self.fragile(body):
            inner = [*self.some(body, 1, 0), {"op": "repeat", "times": rng.randint(1, 3), "steps": self.some(body, 1, 0)},
                     self.tagged("timeout", ms=self.limit(), steps=self.some(body, 2, 0))]
            rng.shuffle(inner)
            return [self.tagged("timeout", ms=self.limit(), steps=inner)]
        return []

    def limit(self):
        return self.ms() if self.timed else 0

    def aim(self, body):
        """Links, joins and kills of greenlets."""
        rng = self.rng
        others = [n for n, b in self.names.items() if b != body]
        if not others:
            return []
        some = rng.sample(others, rng.randint(1, min(3, len(others))))
        kind = rng.choice(["link", "join", "join", "kill"])
        if kind == "link":
            self.tags += 1
            return [self.tagged("link", target=some, note=f"n{self.tags}")]
        if kind == "join":
            count = {"count": rng.randint(1, len(some))} if self.maybe(0.6) else {}
            return [self.tagged("join", target=some, **count, **self.patience())]
        some = [n for n in some if not self.fragile(self.names[n])]
        return [self.tagged("kill", target=some, block=self.maybe(0.5))] if some else []

    def rare_use(self, name, body):
        rng, spec, on = self.rng, self.objects[name], {"on": name}
        kind = spec["type"]
        hasty = {"block": False} if self.maybe(0.5) else self.patience()
        if kind == "semaphore":
            return rng.choice([
                lambda: [self.tagged("acquire", **on, **hasty), self.tagged("wait", **on, **self.patience())],
                lambda: [self.tagged("release", **on)] * rng.randint(1, 2),
            ])()
        if kind == "rlock":
            return rng.choice([
                lambda: [self.tagged("acquire", **on, **hasty)],
                lambda: [self.tagged("release", **on)] if self.maybe(0.2) else [],
            ])()
        if kind == "condition":  # an error if somebody else holds the lock
            return rng.choice([
                lambda: [self.tagged("notify", **on)] if self.maybe(0.2) else [],
                lambda: [{"op": "acquire", **on}, {"op": "acquire", **on, "block": False, "tag": f"c{self.tags}"},
                         {"op": "release", **on}] if spec.get("lock") != "lock" else [],
            ])()
        if kind == "result":
            return [self.tagged("set", **on) if self.maybe(0.4) else self.tagged("get", **on, **hasty)]
        if kind in ("queue", "channel"):
            self.tags += 1
            steps = [
                {"op": "put", **on, "item": f"i{self.tags}", **hasty, "tag": f"p{self.tags}"},
                self.tagged("get", **on, **hasty),
            ]
            if kind == "queue":
                limit = {} if spec.get("impl") else self.patience()
                steps += [self.tagged("task_done", **on), self.tagged("join", **on, **limit)]
            return rng.sample(steps, rng.randint(1, 2))
        if kind == "pool":
            return [self.tagged("join", **on, **self.patience())]
        if kind == "pair":
            return [self.tagged("send", on=name + rng.choice([".a", ".b"]), bytes=rng.randint(1, 3))]
        if kind == "remote" and self.timed:  # replaces a request on its way
            return [self.tagged("request", **on, ms=self.ms())]
        return []
