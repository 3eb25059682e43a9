#!/usr/bin/env python3
"""Run one program under real gevent and print its trace as JSON (docs/conform.md says what a program is).

The reference interpreter that recorded tests/corpus; only requests to different remotes were then stretched alike.
differential.py imports it.

    run_gevent.py [--jitter SEED] [PROGRAM.json]        (standard input by default)
"""
import argparse
import ctypes
import functools
import json
import os
import random
import select
import struct
import sys
import time

from gevent import monkey

monkey.patch_thread()  # only so that threading.Condition and queue.Queue are gevent's

import queue as stdqueue
import threading

import gevent
import gevent.event
import gevent.lock
import gevent.pool
import gevent.queue
import gevent.threadpool
import greenlet
from gevent import socket
from gevent.hub import get_hub

clock = time.perf_counter
native_sleep, native_select = time.sleep, select.select
libc = ctypes.CDLL(None, use_errno=True)


class Bare(greenlet.greenlet):
    """The bare greenlet, with room for a name."""


class Remote:
    """A peer that answers a request after a delay: a timerfd, so the kernel
    makes the descriptor readable at an absolute time, whoever holds the CPU."""

    def __init__(self):
        CLOCK_MONOTONIC, flags = 1, os.O_NONBLOCK | os.O_CLOEXEC
        self.fd = libc.timerfd_create(CLOCK_MONOTONIC, flags)
        self.readable = get_hub().loop.io(self.fd, 1, ref=False)

    def request(self, seconds):
        whole, part = divmod(max(1, round(seconds * 1e9)), 10**9)
        libc.timerfd_settime(self.fd, 0, struct.pack("qqqq", 0, 0, whole, part), None)
        self.readable.ref = True   # only a reply on its way keeps the loop alive

    def recv(self):
        while True:  # the same try-first-then-wait loop as gevent's socket
            try:
                os.read(self.fd, 8)
                self.readable.ref = False
                return
            except BlockingIOError:
                get_hub().wait(self.readable)


def socketpair():
    """A connected pair whose waiting readers do not keep the loop alive."""
    pair = socket.socketpair()
    for end in pair:
        end._read_event.ref = False
    return pair


def build(spec):
    """One shared object from its declaration."""
    kind = spec["type"]
    if kind == "semaphore":
        cls = gevent.lock.BoundedSemaphore if spec.get("bounded") else gevent.lock.Semaphore
        return cls(spec.get("value", 1))
    if kind == "queue":
        module = stdqueue if spec.get("impl") == "stdlib" else gevent.queue
        cls = module.LifoQueue if spec.get("order") == "lifo" else module.Queue
        return cls(spec["maxsize"]) if spec.get("maxsize") else cls()
    if kind == "condition":
        lock = threading.Lock() if spec.get("lock") == "lock" else threading.RLock()
        return threading.Condition(lock)
    if kind == "pool":
        return gevent.pool.Pool(spec["size"]) if spec.get("size") else gevent.pool.Group()
    if kind == "threads":
        return gevent.threadpool.ThreadPool(spec.get("size", 10))
    return {
        "rlock": gevent.lock.RLock,
        "event": gevent.event.Event,
        "result": gevent.event.AsyncResult,
        "channel": gevent.queue.Channel,
        "pair": socketpair,
        "remote": Remote,
    }[kind]()


class Run:
    def __init__(self, program, jitter=None):
        self.program, self.jitter = program, jitter
        self.objects = {name: build(spec) for name, spec in program.get("objects", {}).items()}
        self.greenlets = {}   # name -> newest greenlet spawned under it
        self.alive = {}       # unique name -> True, in spawn order
        self.trace = []
        self.start = 0.0

    # -- helpers ---------------------------------------------------------

    def seconds(self, step, field="ms"):
        """A duration of the step in seconds; under jitter each use of each
        duration is stretched by its own factor, so accidental ties come apart."""
        ms = step.get(field)
        if not ms:
            return ms
        if self.jitter is None:
            return ms / 1000
        # Equal sleeps stay equal, for gevent orders them; the replies of two remotes at one instant it does not.
        remote = step["on"] if step["op"] == "request" else ""
        use = random.Random(f"{self.jitter}/{step['op']}{remote}/{field}/{ms}")
        return ms / 1000 * (1 + use.uniform(-0.04, 0.04))

    def log(self, who, tag):
        self.trace.append([round((clock() - self.start) * 1000), who, tag])

    def object(self, name):
        base, _, end = name.partition(".")
        return self.objects[base]["ab".index(end)] if end else self.objects[name]

    def spawn(self, step):
        base = step.get("as", step["body"])
        name, n = base, 1
        while name in self.alive:
            n += 1
            name = f"{base}#{n}"
        self.alive[name] = True
        args = self.body, name, step["body"]
        if step.get("op") == "make":
            glet = Bare(functools.partial(self.body, *args[1:]))
        elif "pool" in step:
            glet = self.objects[step["pool"]].spawn(*args)
        elif "after_ms" in step:
            glet = gevent.spawn_later(self.seconds(step, "after_ms"), *args)
        else:
            glet = gevent.spawn(*args)
        glet.program_name = name
        self.greenlets[base] = glet

    def targets(self, step):
        return [self.greenlets[name] for name in step["target"]]

    # -- interpreter -----------------------------------------------------

    def body(self, name, body):
        try:
            self.steps(name, self.program["bodies"][body])
        except gevent.GreenletExit:
            self.log(name, "!killed")
        except Exception as error:
            self.log(name, "!" + type(error).__name__)
        finally:
            self.alive[name] = False

    def steps(self, name, steps):
        for step in steps:
            outcome = getattr(self, "op_" + step["op"])(name, step)
            if "tag" in step:
                if isinstance(outcome, bool):
                    outcome = str(outcome).lower()
                self.log(name, step["tag"] if outcome is None else f"{step['tag']}={outcome}")

    def op_mark(self, name, step):
        pass

    def op_burn(self, name, step):
        end = clock() + self.seconds(step)
        while clock() < end:
            pass

    def op_sleep(self, name, step):
        gevent.sleep(self.seconds(step))

    def op_idle(self, name, step):
        gevent.idle()

    def op_repeat(self, name, step):
        for _ in range(step["times"]):
            self.steps(name, step["steps"])

    def op_timeout(self, name, step):
        with gevent.Timeout(self.seconds(step)) as timer:
            try:
                self.steps(name, step["steps"])
            except gevent.Timeout as fired:
                if fired is not timer:
                    raise
                return "timeout"
        return "ok"

    def op_spawn(self, name, step):
        self.spawn(step)

    def op_make(self, name, step):
        self.spawn(step)

    def op_switch(self, name, step):
        self.targets(step)[0].switch()

    def op_link(self, name, step):
        for target in self.targets(step):
            target.link(lambda dead: self.log(dead.program_name, step["note"]))

    def op_join(self, name, step):
        limit = self.seconds(step, "timeout_ms")
        if "on" in step:
            done = self.object(step["on"]).join(**({} if limit is None else {"timeout": limit}))
            return done is not False
        targets = self.targets(step)
        if len(targets) == 1 and "count" not in step:
            targets[0].join(limit)
            return targets[0].ready()
        ready = gevent.joinall(targets, timeout=limit, count=step.get("count"))
        return ",".join(glet.program_name for glet in ready)

    def op_kill(self, name, step):
        targets, block = self.targets(step), step.get("block", True)
        if len(targets) == 1:
            targets[0].kill(block=block)
        else:
            gevent.killall(targets, block=block)
        for target in targets:
            if target.dead:
                self.alive[target.program_name] = False

    def op_acquire(self, name, step):
        limit, block = self.seconds(step, "timeout_ms"), step.get("block", True)
        obj = self.object(step["on"])
        return bool(obj.acquire(block) if limit is None else obj.acquire(block, limit))

    def op_release(self, name, step):
        self.object(step["on"]).release()

    def op_notify(self, name, step):
        cond = self.object(step["on"])
        if step.get("n") == "all":
            cond.notify_all()
        else:
            cond.notify(step.get("n", 1))

    def op_set(self, name, step):
        obj = self.object(step["on"])
        if isinstance(obj, gevent.event.AsyncResult):
            obj.set(step.get("item", name))
        else:
            obj.set()

    def op_clear(self, name, step):
        self.object(step["on"]).clear()

    def op_wait(self, name, step):
        return bool(self.object(step["on"]).wait(self.seconds(step, "timeout_ms")))

    def op_put(self, name, step):
        limit, block = self.seconds(step, "timeout_ms"), step.get("block", True)
        try:
            self.object(step["on"]).put(step["item"], block, limit)
        except stdqueue.Full:
            return "full"
        return "ok"

    def op_get(self, name, step):
        limit, block = self.seconds(step, "timeout_ms"), step.get("block", True)
        obj = self.object(step["on"])
        try:
            return obj.get(block, limit)
        except stdqueue.Empty:
            return "empty"
        except gevent.Timeout:
            if isinstance(obj, gevent.event.AsyncResult) and not obj.ready():
                return "empty"
            raise

    def op_task_done(self, name, step):
        self.object(step["on"]).task_done()

    def op_send(self, name, step):
        self.object(step["on"]).sendall(b"x" * step["bytes"])

    def op_request(self, name, step):
        self.object(step["on"]).request(self.seconds(step))

    def op_recv(self, name, step):
        obj = self.object(step["on"])
        if isinstance(obj, Remote):
            return obj.recv()
        return len(obj.recv(step["bytes"]))

    def op_apply(self, name, step):
        self.object(step["on"]).apply(native_sleep, (self.seconds(step),))

    def unread(self):
        """Is some greenlet waiting for data that is already there?"""
        ends = [end for obj in self.objects.values() if isinstance(obj, tuple) for end in obj]
        waiting = [end.fileno() for end in ends if end._read_event.active]
        return bool(native_select(waiting, [], [], 0)[0])

    # -- entry -----------------------------------------------------------

    def go(self):
        gevent.sleep(0.001)  # the hub is running and its clock is fresh
        self.start = clock()
        self.spawn({"body": "main"})
        get_hub().join()
        while self.unread():   # the loop never counted those readers
            get_hub().join()
        for name, alive in self.alive.items():
            if alive:
                self.log(name, "!blocked")
        return self.trace


def run(program, jitter=None):
    return Run(program, jitter).go()


def show(trace):
    """A trace as text, one entry per line."""
    return "[\n" + ",\n".join("  " + json.dumps(entry) for entry in trace) + "\n]"


def show_program(program):
    """A program as text, one object and one step per line."""
    def table(items, item):
        return "{\n" + ",\n".join(f"    {json.dumps(k)}: {item(v)}" for k, v in items.items()) + "\n  }"

    def body(steps):
        return "[\n" + ",\n".join("      " + json.dumps(step) for step in steps) + "\n    ]"

    parts = dict(program, objects=None, bodies=None)
    lines = {k: json.dumps(v) for k, v in parts.items()}
    lines["objects"] = table(program["objects"], json.dumps) if program["objects"] else "{}"
    lines["bodies"] = table(program["bodies"], body)
    return "{\n" + ",\n".join(f"  {json.dumps(k)}: {v}" for k, v in lines.items()) + "\n}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", nargs="?", type=argparse.FileType(), default=sys.stdin)
    parser.add_argument("--jitter", metavar="SEED", help="stretch every duration by up to 4 %%")
    args = parser.parse_args()
    print(show(run(json.load(args.program), args.jitter)), flush=True)
    os._exit(0)  # native threads or parked greenlets must not delay the exit


if __name__ == "__main__":
    main()
