"""Measures what releases of gunicorn do otherwise: tests/measured/releases.py PYTHON [PYTHON ...]

Each PYTHON is an interpreter whose environment has one release of gunicorn (20.0.4 needs setuptools < 80 too):
    for v in 20.0.4 23.0.0 27.0.1; do python3 -m venv g$v; g$v/bin/pip install gunicorn==$v "setuptools<80"; done
    python3 tests/measured/releases.py g*/bin/python

Two settings, which need no quiet machine:
- idle: gthread with two threads and four connections, keep-alive 75 s, eight clients that keep theirs and think 0.1 s in the
  mean; how many requests are answered in 20 s, and the CPU time of the worker meanwhile (scenarios/versions/idle-connections.toml).
- close: one sync worker and one client that reads its response and closes 50 ms later; how many it serves a second. A worker
  that waits for the close serves less than twenty.
"""

import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

APP = """
import time
def app(environ, start_response):
    if environ["PATH_INFO"] == "/page":
        end = time.perf_counter() + 0.001
        while time.perf_counter() < end:
            pass
        time.sleep(0.02)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
PORT = 8765
LENGTH = 20.0


def serve(python, folder, *options):
    command = [python, "-m", "gunicorn.app.wsgiapp", "-b", f"127.0.0.1:{PORT}", "-w", "1", "--log-level", "error", *options, "app:app"]
    server = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", PORT), 1).close()
            return server
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{python} does not serve")


def stop(server):
    server.send_signal(signal.SIGQUIT)
    try:
        server.wait(5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def worker_cpu(server):
    children = open(f"/proc/{server.pid}/task/{server.pid}/children").read().split()
    ticks = sum(sum(map(int, open(f"/proc/{child}/stat").read().rsplit(")", 1)[1].split()[11:13])) for child in children)
    return ticks / os.sysconf("SC_CLK_TCK")


def idle(python, folder):
    server = serve(python, folder, "-k", "gthread", "--threads", "2", "--worker-connections", "4", "--keep-alive", "75")
    time.sleep(1.5)
    answered, end, lock = [0], time.monotonic() + LENGTH, threading.Lock()

    def client(seed):
        chance = random.Random(seed)
        connection = None
        while time.monotonic() < end:
            time.sleep(min(chance.expovariate(10.0), max(end - time.monotonic(), 0)))
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
                connection.request("GET", "/page")
                connection.getresponse().read()
                with lock:
                    answered[0] += time.monotonic() < end
            except OSError:
                connection = None
            except http.client.HTTPException:
                connection = None

    before = worker_cpu(server)
    threads = [threading.Thread(target=client, args=(seed,), daemon=True) for seed in range(8)]
    [thread.start() for thread in threads]
    time.sleep(LENGTH)
    cpu = worker_cpu(server) - before
    stop(server)
    return f"idle: {answered[0]} answered in {LENGTH:.0f} s, {cpu:.1f} s of CPU"


def close(python, folder):
    server = serve(python, folder)
    time.sleep(0.5)
    end, count = time.monotonic() + 5.0, 0
    waiting = []
    while time.monotonic() < end:
        connection = socket.create_connection(("127.0.0.1", PORT), 5)
        connection.settimeout(5)
        connection.sendall(b"GET /bare HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while not connection.recv(4096).endswith(b"ok"):
            pass
        count += 1
        waiting.append(connection)
        threading.Timer(0.05, connection.close).start()
    stop(server)
    return f"close: {count / 5.0:.0f} a second"


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "app.py"), "w") as file:
            file.write(APP)
        for python in map(os.path.abspath, sys.argv[1:]):
            version = subprocess.check_output([python, "-c", "import gunicorn; print(gunicorn.__version__)"], text=True).strip()
            print(f"gunicorn {version}: {idle(python, folder)}; {close(python, folder)}", flush=True)


if __name__ == "__main__":
    main()
