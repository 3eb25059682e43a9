#!/usr/bin/env python3
"""The same programs on gevent's own primitives over a model of its loop.

    virtual.py [--jitter SEED] [PROGRAM.json]

Greenlets, locks, queues and timeouts are those of the installed gevent; only the loop under them is
modelled. So it is a second oracle that needs no real time, and differential.py imports it.

The event loop is replaced by the model below, in virtual time: work costs
nothing, a burn or a sleep exactly what it says, and reading the clock one
nanosecond.  That it reproduces the recorded traces shows that the loop rules of
gevent-semantics.md are complete, and that the corpus needs no real clock.
"""
import os

os.environ["GEVENT_LOOP"] = "virtual.Loop"

import argparse
import heapq
import json
import sys

NS = 1
MS = 1_000_000
HEAP0 = 3          # libev's 4-ary heap keeps its root at index 3
BATCH = 50         # callbacks between two looks at the clock
SWITCH_INTERVAL = 5 * MS
SLACK = 50_000     # how late the kernel ends a timed wait
FOREVER = 10**15
MINPRI, MAXPRI = -2, 2


class Callback:
    """What run_callback returns: true until it has finished, pending until it starts."""

    def __init__(self, callback, args):
        self.callback, self.args = callback, args

    def stop(self):
        self.callback = self.args = None

    close = stop

    def __bool__(self):
        return self.args is not None

    @property
    def pending(self):
        return self.callback is not None


class Watcher:
    def __init__(self, loop, ref=True, priority=None):
        self.loop, self.ref, self.priority = loop, ref, priority or 0
        self.callback = self.args = None
        self.active = False
        self.slot = None      # the (list, index) where it is pending

    @property
    def pending(self):
        return self.slot is not None

    def start(self, callback, *args, **_):
        self.callback, self.args = callback, args
        if not self.active:
            self.active = True
            self.loop.watchers.add(self)
            self.on_start()

    def stop(self):
        if self.slot:
            pending, i = self.slot
            pending[i] = None
            self.slot = None
        if self.active:
            self.active = False
            self.loop.watchers.discard(self)
            self.on_stop()
        self.callback = self.args = None

    close = stop

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def on_start(self): pass

    def on_stop(self): pass


class Timer(Watcher):
    def __init__(self, loop, after=0.0, repeat=0.0, ref=True, priority=None):
        super().__init__(loop, ref, priority)
        self.after, self.at, self.index = round(after * 1000 * MS), 0, 0

    def start(self, callback, *args, update=None):
        if self.loop.in_callbacks if update is None else update:
            self.loop.update_now()
        super().start(callback, *args)

    def on_start(self):
        self.at = self.loop.cached + self.after
        heap = self.loop.timers
        heap.append(self)
        self.loop.up(len(heap) - 1)

    def on_stop(self):
        heap, k = self.loop.timers, self.index
        last = heap.pop()
        if last is not self:
            heap[k] = last
            if k > HEAP0 and last.at <= heap[(k - HEAP0 - 1) // 4 + HEAP0].at:
                self.loop.up(k)
            else:
                self.loop.down(k)


class Io(Watcher):
    def __init__(self, loop, fd, events, ref=True, priority=None):
        super().__init__(loop, ref, priority)
        self.fd = fd

    def on_start(self):
        self.loop.wanted[self.fd] = self
        self.loop.changes.setdefault(self.fd)

    def on_stop(self):
        self.loop.wanted.pop(self.fd)
        self.loop.changes.setdefault(self.fd)


class Idle(Watcher):
    def on_start(self):
        self.loop.idles.append(self)

    def on_stop(self):
        swap_out(self.loop.idles, self)


class Async(Watcher):
    sent = False

    def on_start(self):
        self.loop.asyncs.append(self)

    def on_stop(self):
        swap_out(self.loop.asyncs, self)

    def send(self):
        self.sent = True


def swap_out(items, item):
    """libev's array removal: the last element takes the freed place."""
    last = items.pop()
    if last is not item:
        items[items.index(item)] = last


class Loop:
    MINPRI, MAXPRI = MINPRI, MAXPRI
    approx_timer_resolution = 0.00001
    default = True
    backend = "virtual"

    def __init__(self, flags=None, default=None):
        self.clock = self.cached = 0
        self.callbacks, self.in_callbacks = [], False
        self.pendings = {pri: [] for pri in range(MINPRI, MAXPRI + 1)}
        self.timers = [None] * HEAP0
        self.idles, self.asyncs, self.watchers = [], [], set()
        self.wanted, self.changes = {}, {}           # fd -> watcher; fds to reconsider
        self.registered, self.ready = set(), []      # the kernel's side of epoll
        self.room = 64                               # events taken in one poll
        self.world, self.seq = [], 0                 # what will happen outside, by time
        self.timer0 = Timer(self)
        self.error_handler = None

    # -- clock and outside world ------------------------------------------------

    def update_now(self):
        self.clock += NS
        self.cached = self.clock

    def now(self):
        return self.cached / 1e9

    def advance(self, to):
        self.clock = max(self.clock, to)
        while self.world and self.world[0][0] <= self.clock:
            heapq.heappop(self.world)[2]()

    def later(self, delay_ns, action):
        self.seq += 1
        heapq.heappush(self.world, (self.clock + delay_ns, self.seq, action))

    def arrived(self, fd):
        """The kernel's wake-up: a registered descriptor joins the ready list once."""
        if fd in self.registered and fd not in self.ready:
            self.ready.append(fd)

    # -- the 4-ary heap -------------------------------------------------------------

    def place(self, k, timer):
        self.timers[k] = timer
        timer.index = k

    def up(self, k):
        heap, timer = self.timers, self.timers[k]
        while k > HEAP0:
            parent = (k - HEAP0 - 1) // 4 + HEAP0
            if heap[parent].at <= timer.at:
                break
            self.place(k, heap[parent])
            k = parent
        self.place(k, timer)

    def down(self, k):
        heap, timer = self.timers, self.timers[k]
        while True:
            first = 4 * (k - HEAP0) + HEAP0 + 1
            children = heap[first:first + 4]
            if not children:
                break
            child = min(children, key=lambda t: t.at)  # the first of equals
            if timer.at <= child.at:
                break
            hole = child.index
            self.place(k, child)
            k = hole
        self.place(k, timer)

    # -- one iteration ---------------------------------------------------------------

    def run(self, *_, **__):
        while True:
            self.run_callbacks()
            self.reify()
            self.poll()
            self.update_now()
            self.expire()
            if self.idles and not any(self.pendings[pri] for pri in range(0, MAXPRI + 1)) and not self.sent():
                for watcher in self.idles:
                    self.feed(watcher)
            self.invoke()
            if not self.referenced():
                return

    def run_callbacks(self):
        self.in_callbacks = True
        count, deadline = BATCH, self.cached + SWITCH_INTERVAL
        fresh = True
        self.timer0.stop()
        while self.callbacks:
            cb = self.callbacks.pop(0)
            if cb.callback is not None:
                callback, args, cb.callback = cb.callback, cb.args, None
                self.call(callback, args)
                cb.args = None
            count -= 1
            if count == 0 and self.callbacks:
                count = BATCH
                self.update_now()
                if self.cached >= deadline:
                    fresh = False
                    break
        if fresh:
            self.update_now()
        if self.callbacks:
            self.timer0.start(lambda: None, update=False)
        self.in_callbacks = False

    def reify(self):
        self.advance(self.clock)
        for fd in self.changes:
            if fd in self.wanted and fd not in self.registered:
                self.registered.add(fd)
                if fd.readable():
                    self.ready.append(fd)
        self.changes.clear()

    def poll(self):
        self.update_now()
        self.advance(self.clock)
        until = self.wake_up() if not self.idles and self.referenced() else self.clock
        while not self.report() and self.clock < until:
            self.advance(min(until, self.world[0][0]) if self.world else until)

    def wake_up(self):
        """epoll_wait takes whole milliseconds, rounded up, and wakes a little late."""
        if len(self.timers) == HEAP0:
            return FOREVER
        wait = self.timers[HEAP0].at - self.clock
        if wait <= 0:
            return self.clock
        return self.clock + max(1, (wait + 999_900) // MS) * MS + SLACK

    def report(self):
        """epoll_wait: level-triggered, so what is reported goes back to the tail."""
        listed, self.ready, woken = self.ready, [], 0
        for i, fd in enumerate(listed):
            if woken == self.room:   # more stay at the head of the list; the next poll has more room
                self.ready = listed[i:] + self.ready
                break
            if not fd.readable():
                continue
            woken += 1
            if fd in self.wanted:
                self.ready.append(fd)
                self.feed(self.wanted[fd])
            else:
                self.registered.discard(fd)
        if woken == self.room:
            self.room = 2 * (self.room + 1)
        return woken > 0 or self.sent()

    def sent(self):
        return any(watcher.sent for watcher in self.asyncs)

    def expire(self):
        due = []
        while len(self.timers) > HEAP0 and self.timers[HEAP0].at < self.cached:
            timer = self.timers[HEAP0]
            callback, args = timer.callback, timer.args
            timer.stop()
            timer.callback, timer.args = callback, args
            due.append(timer)
        for timer in reversed(due):
            self.feed(timer)

    def feed(self, watcher):
        pending = self.pendings[watcher.priority]
        if not watcher.slot:
            watcher.slot = pending, len(pending)
            pending.append(watcher)

    def invoke(self):
        for watcher in reversed(self.asyncs):  # the wake-up pipe has the highest priority
            if watcher.sent:
                watcher.sent = False
                self.feed(watcher)
        pri = MAXPRI
        while pri >= MINPRI:
            pending = self.pendings[pri]
            if not pending:
                pri -= 1
                continue
            watcher = pending.pop()
            if watcher is not None:
                watcher.slot = None
                self.call(watcher.callback, watcher.args)
                if not watcher.active:
                    watcher.stop()
                pri = MAXPRI

    def call(self, callback, args):
        try:
            callback(*args)
        except:  # the hub decides
            self.handle_error(callback, *sys.exc_info())

    def referenced(self):
        return bool(self.callbacks) or any(w.ref for w in self.watchers)

    # -- what gevent asks of a loop ---------------------------------------------------

    def run_callback(self, func, *args):
        cb = Callback(func, args)
        self.callbacks.append(cb)
        return cb

    run_callback_threadsafe = run_callback

    def handle_error(self, context, type, value, tb):
        self.error_handler.handle_error(context, type, value, tb)

    def timer(self, after, repeat=0.0, ref=True, priority=None):
        return Timer(self, after, repeat, ref, priority)

    def io(self, fd, events, ref=True, priority=None):
        return Io(self, fd, events, ref, priority)

    def idle(self, ref=True, priority=None):
        return Idle(self, ref, priority)

    def async_(self, ref=True, priority=None):
        return Async(self, ref, priority)

    def fork(self, ref=True, priority=None):
        return Watcher(self, ref, priority)

    def destroy(self):
        pass


class Stream:
    """One end of a pair: the bytes waiting there."""

    def __init__(self, loop):
        self.loop, self.peer, self.waiting = loop, None, 0
        self.watcher = loop.io(self, 1, ref=False)

    def readable(self):
        return self.waiting > 0

    def sendall(self, data):
        self.peer.waiting += len(data)
        self.loop.arrived(self.peer)

    def recv(self, size):
        while not self.waiting:
            gevent.get_hub().wait(self.watcher)
        got = min(size, self.waiting)
        self.waiting -= got
        return b"x" * got


def pair():
    a, b = (Stream(gevent.get_hub().loop) for _ in "ab")
    a.peer, b.peer = b, a
    return a, b


class VirtualRemote:
    def __init__(self):
        self.loop, self.answered, self.number = gevent.get_hub().loop, False, 0
        self.watcher = self.loop.io(self, 1, ref=False)

    def readable(self):
        return self.answered

    def request(self, seconds):
        self.number += 1
        self.answered = False
        self.watcher.ref = True
        self.loop.later(round(seconds * 1000 * MS), lambda number=self.number: self.answer(number))

    def answer(self, number):
        if number == self.number:
            self.answered = True
            self.loop.arrived(self)

    def recv(self):
        self.loop.advance(self.loop.clock)
        while not self.answered:
            gevent.get_hub().wait(self.watcher)
            self.loop.advance(self.loop.clock)
        self.answered = self.watcher.ref = False


class VirtualThreads:
    def __init__(self, size):
        self.free = gevent.lock.Semaphore(size)
        self.loop = gevent.get_hub().loop

    def apply(self, _, args):
        self.free.acquire()
        result, done = gevent.event.AsyncResult(), self.loop.async_()

        def deliver():
            done.stop()
            self.free.release()
            result.set(None)

        done.start(deliver)
        self.loop.later(round(args[0] * 1000 * MS), done.send)
        result.get()


def run(program, jitter=None):
    loop = gevent.get_hub().loop
    run_gevent.clock = run_gevent.stdqueue.time = lambda: loop.clock / 1e9
    run_gevent.Remote = VirtualRemote
    run_gevent.socketpair = pair
    gevent.threadpool.ThreadPool = VirtualThreads

    class Virtual(run_gevent.Run):
        def op_burn(self, name, step):
            loop.advance(loop.clock + round(self.seconds(step) * 1000 * MS))

        def unread(self):
            return any(s.waiting and s.watcher.active for o in self.objects.values() if isinstance(o, tuple) for s in o)

    return Virtual(program, jitter).go()


# gevent makes its loop by importing this module under this name, once a hub is needed.
sys.modules.setdefault("virtual", sys.modules[__name__])
import run_gevent
import gevent


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", nargs="?", type=argparse.FileType(), default=sys.stdin)
    parser.add_argument("--jitter", metavar="SEED", help="stretch every duration by up to 4 %%")
    args = parser.parse_args()
    print(run_gevent.show(run(json.load(args.program), args.jitter)), flush=True)
    os._exit(0)
