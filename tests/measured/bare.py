#!/usr/bin/env python3
"""CPU time of a bare request of ASGI servers, and of sync views, as the presets' `measured` have it.

    bare.py [--only WORD,WORD] [--requests N] [--runs N]
    prints NAME: MEDIAN us (min .. max) [share of each thread by its name], connections kept; then with a new connection each

All servers have core 0, the client has core 1; they are asked in turn. Ten connections, each asks when all are answered. CPU time is user and system time in
/proc/PID/stat of all processes of the server, over the requests. Needs uvicorn, h11, httptools, uvloop, hypercorn, granian, django
in the Python that runs it; a bare ASGI application answers "ok" and nothing else.
"""
import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

APP = '''
import os
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})

def django():
    import asyncio, django
    from asgiref.sync import sync_to_async
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.http import HttpResponse
    from django.urls import path
    def nothing():
        pass
    async def on_loop(request):
        return HttpResponse(b"ok")
    def in_thread(request):
        return HttpResponse(b"ok")
    async def insensitive(request):
        await sync_to_async(nothing, thread_sensitive=False)()
        return HttpResponse(b"ok")
    settings.configure(ROOT_URLCONF=(path("async", on_loop), path("sync", in_thread), path("insensitive", insensitive)),
                       ALLOWED_HOSTS=["*"], SECRET_KEY="x", MIDDLEWARE=[], INSTALLED_APPS=[])
    return get_asgi_application()

_django = None
async def framework(scope, receive, send):
    global _django
    if scope["type"] == "lifespan":
        return await app(scope, receive, send)
    if _django is None:
        _django = django()
    await _django(scope, receive, send)

_one = None
async def one_thread(scope, receive, send):
    """sync_to_async outside of a ThreadSensitiveContext: asgiref's one thread of a process."""
    global _one
    if scope["type"] == "lifespan":
        return await app(scope, receive, send)
    if _one is None:
        from asgiref.sync import sync_to_async
        _one = sync_to_async(lambda: None)
    await _one()
    await app(scope, receive, send)
'''
UVICORN = "-m uvicorn --port {port} --no-access-log --log-level warning"
HYPERCORN = "-m hypercorn --bind 127.0.0.1:{port}"
GRANIAN = "-m granian --interface asgi --port {port} --no-log --http 1"
SERVERS = {
    "uvicorn": (UVICORN + " --loop asyncio --http h11 bare_app:app", "/"),
    "uvicorn-httptools": (UVICORN + " --loop asyncio --http httptools bare_app:app", "/"),
    "uvicorn-uvloop": (UVICORN + " --loop uvloop --http h11 bare_app:app", "/"),
    "uvicorn-standard": (UVICORN + " --loop uvloop --http httptools bare_app:app", "/"),
    "hypercorn": (HYPERCORN + " --worker-class asyncio bare_app:app", "/"),
    "hypercorn-uvloop": (HYPERCORN + " --worker-class uvloop bare_app:app", "/"),
    "granian": (GRANIAN + " --loop asyncio bare_app:app", "/"),
    "granian-uvloop": (GRANIAN + " --loop uvloop bare_app:app", "/"),
    "asgiref, one thread": (UVICORN + " --loop asyncio --http httptools bare_app:one_thread", "/"),
    "django, async view": (UVICORN + " --loop asyncio --http httptools bare_app:framework", "/async"),
    "django, sync view": (UVICORN + " --loop asyncio --http httptools bare_app:framework", "/sync"),
    "django, thread_sensitive=False": (UVICORN + " --loop asyncio --http httptools bare_app:framework", "/insensitive"),
}
CONNECTIONS = 10


def tree(pid):
    pids = [pid]
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parent = open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()[1]
            except (OSError, IndexError):
                continue
            if int(parent) == pid:
                pids += tree(int(name))
    return pids


def ticks(stat):
    fields = stat.rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def cpu(pid):
    """Seconds of all processes, ended threads included, and of each thread that lives, by name."""
    total, threads = 0, {}
    for process in tree(pid):
        total += ticks(open(f"/proc/{process}/stat").read())
        for thread in os.listdir(f"/proc/{process}/task"):
            try:
                stat = open(f"/proc/{process}/task/{thread}/stat").read()
            except OSError:
                continue
            name = stat.split("(", 1)[1].rsplit(")", 1)[0]
            threads[name] = threads.get(name, 0) + ticks(stat)
    hz = os.sysconf("SC_CLK_TCK")
    return total / hz, {name: count / hz for name, count in threads.items()}


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def answer(connection):
    data = connection.recv(65536)
    while not data.endswith((b"\r\n\r\nok", b"\r\n0\r\n\r\n")):
        more = connection.recv(65536)
        if not more:
            raise OSError(f"closed after {data!r}")
        data += more
    return data


def ask(port, path, rounds, kept, connections):
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\n{'' if kept else 'Connection: close' + chr(13) + chr(10)}\r\n".encode()
    for _ in range(rounds):
        if not kept:
            connections = [connect(port) for _ in range(CONNECTIONS)]
        for connection in connections:
            connection.sendall(request)
        for index, connection in enumerate(connections):
            data = answer(connection)
            assert b" 200 " in data, data
            if not kept:
                connection.close()
            elif b"connection: close" in data.lower():
                connection.close()
                connections[index] = connect(port)


class Server:
    """One of SERVERS, running, with connections that are kept."""

    def __init__(self, name, folder):
        command, self.path = SERVERS[name]
        self.name = name
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        words = ["taskset", "-c", "0", sys.executable, *command.format(port=self.port).split()]
        self.process = subprocess.Popen(words, cwd=folder, start_new_session=True, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": folder})
        for _ in range(200):
            try:
                connect(self.port).close()
                break
            except OSError:
                time.sleep(0.05)
        time.sleep(1)

    def block(self, rounds, kept):
        """CPU time a request, in microseconds, and that of each thread that lives on."""
        connections = [connect(self.port) for _ in range(CONNECTIONS)] if kept else []
        ask(self.port, self.path, 3, kept, connections)
        before, threads = cpu(self.process.pid)
        ask(self.port, self.path, rounds, kept, connections)
        after, later = cpu(self.process.pid)
        for connection in connections:
            connection.close()
        scale = 1e6 / (rounds * CONNECTIONS)
        return (after - before) * scale, {name: (of - threads.get(name, 0)) * scale for name, of in later.items()}

    def stop(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=15)
    args = parser.parse_args()
    os.sched_setaffinity(0, {1})
    names = [name for name in SERVERS if any(word in name for word in args.only.split(","))]
    with tempfile.TemporaryDirectory() as folder:
        open(folder + "/bare_app.py", "w").write(APP)
        servers = [Server(name, folder) for name in names]
        try:
            for kept in True, False:
                rounds = max(1, args.requests // CONNECTIONS // (1 if kept else 4))
                # In turn, so that whatever else the machine does meets all of them alike.
                blocks = [[server.block(rounds, kept) for server in servers] for _ in range(args.runs)]
                for index, server in enumerate(servers):
                    costs = [block[index][0] for block in blocks]
                    shares = {}
                    for block in blocks:
                        for thread, share in block[index][1].items():
                            shares.setdefault(thread, []).append(share)
                    middle = {thread: statistics.median(of) for thread, of in shares.items()}
                    parts = ", ".join(f"{thread} {share:.1f}" for thread, share in middle.items() if share > 0.5)
                    how = "kept" if kept else "new "
                    print(f"{server.name}, {how}: {statistics.median(costs):.1f} us ({min(costs):.1f} .. {max(costs):.1f}) [{parts}]", flush=True)
        finally:
            for server in servers:
                server.stop()


if __name__ == "__main__":
    main()
