#!/usr/bin/env python3
"""Measures what a CPU limit does to gunicorn: latencies at a light load, and what the kernel counts in cpu.stat.

    python3 cpu_limit.py OUT.json [--seconds 120] [--rate 4] [--burn-ms 25] [--workers 4] [--limits none,200m,160m]

Needs root, Linux with cgroup v1 or v2, and gunicorn in the Python that runs it. Run it on a quiet machine of two cores or more.
The application computes until its thread has had BURN of CPU time. Clients come as a Poisson process with a connection each; the
limit holds for the server alone. A limit is what the kernel calls a quota: 200m is 20 ms in each period of 100 ms.
"""

import argparse
import json
import os
import platform
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time

APP = """
import os, time
BURN = float(os.environ["BURN_S"])
def app(environ, start_response):
    end = time.thread_time() + BURN
    while time.thread_time() < end:
        pass
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
PERIOD_US = 100_000


def thousandths(limit):
    return int(limit[:-1]) if limit.endswith("m") else round(float(limit) * 1000)


class Group:
    """A control group with a limit; cgroup v1 where its cpu controller is mounted, else v2."""

    def __init__(self, limit):
        v1 = "/sys/fs/cgroup/cpu"
        self.v1 = os.path.isdir(v1)
        self.path = os.path.join(v1 if self.v1 else "/sys/fs/cgroup", "tailback-limit")
        if not self.v1:
            self.write_at("/sys/fs/cgroup/cgroup.subtree_control", "+cpu")
        os.makedirs(self.path, exist_ok=True)
        quota = None if limit == "none" else thousandths(limit) * PERIOD_US // 1000
        if self.v1:
            self.write("cpu.cfs_period_us", PERIOD_US)
            self.write("cpu.cfs_quota_us", -1 if quota is None else quota)
        else:
            self.write("cpu.max", f"{'max' if quota is None else quota} {PERIOD_US}")

    @staticmethod
    def write_at(path, value):
        with open(path, "w", encoding="ascii") as file:
            file.write(str(value))

    def write(self, name, value):
        self.write_at(os.path.join(self.path, name), value)

    def stat(self):
        with open(os.path.join(self.path, "cpu.stat"), encoding="ascii") as file:
            pairs = dict(line.split() for line in file)
        time_ns = int(pairs["throttled_time"]) if self.v1 else int(pairs["throttled_usec"]) * 1000
        return {"periods": int(pairs["nr_periods"]), "throttled": int(pairs["nr_throttled"]), "throttled_ns": time_ns}

    def close(self):
        for _ in range(50):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.1)


def ask(port, latencies):
    begun = time.perf_counter()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as conn:
            conn.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b""
            while part := conn.recv(4096):
                answer += part
        good = answer.startswith(b"HTTP/1.1 200")
    except OSError:
        good = False
    latencies.append((time.perf_counter() - begun, good))


def measure(limit, args):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "limited.py"), "w", encoding="utf-8") as file:
            file.write(APP)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        group = Group(limit)
        procs = os.path.join(group.path, "cgroup.procs")
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-w", str(args.workers), "-b", f"127.0.0.1:{port}", "--log-level", "warning",
             "limited:app"],
            cwd=folder,
            env={**os.environ, "BURN_S": str(args.burn_ms / 1000)},
            preexec_fn=lambda: Group.write_at(procs, os.getpid()),
        )
        try:
            for _ in range(300):
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            time.sleep(3)
            latencies, threads = [], []
            draw = random.Random(args.seed)
            before, begun = group.stat(), time.perf_counter()
            due = begun
            while due < begun + args.seconds:
                due += draw.expovariate(args.rate)
                time.sleep(max(0.0, due - time.perf_counter()))
                threads.append(threading.Thread(target=ask, args=(port, latencies)))
                threads[-1].start()
            for thread in threads:
                thread.join()
            wall, after = time.perf_counter() - begun, group.stat()
        finally:
            server.terminate()
            server.wait()
            group.close()
    spans = sorted(span for span, good in latencies if good)
    quantile = lambda q: round(1000 * spans[min(len(spans) - 1, int(q * len(spans)))], 1)
    return {
        "limit": limit,
        "sent": len(latencies),
        "ok": len(spans),
        "wall_s": round(wall, 1),
        "p50_ms": quantile(0.5),
        "p90_ms": quantile(0.9),
        "p99_ms": quantile(0.99),
        **{name: after[name] - before[name] for name in after},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--rate", type=float, default=4)
    parser.add_argument("--burn-ms", type=float, default=25)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--limits", default="none,200m,160m")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    import gunicorn

    about = {
        "kernel": platform.release(),
        "python": platform.python_version(),
        "gunicorn": gunicorn.__version__,
        "cores": os.cpu_count(),
        "rate": args.rate,
        "burn_ms": args.burn_ms,
        "workers": args.workers,
        "seed": args.seed,
    }
    rows = []
    for limit in args.limits.split(","):
        rows.append(measure(limit, args))
        print(json.dumps(rows[-1]), flush=True)
    with open(args.out, "w", encoding="utf-8") as file:
        json.dump({"about": about, "rows": rows}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
