#!/usr/bin/env python3
"""CPU time of a bare request by version of CPython, as `tables/world/build.rs` has it beside 3.11.

    versions.py DIR [--requests N] [--rounds N]
    DIR/VERSION/bin/python: an environment of each version with uvicorn 0.33.0, h11 0.14.0 and gunicorn 23.0.0
    prints SERVER VERSION: CPU time of a request in each round, the least first, and the least beside 3.11's: other work only adds

uvicorn answers over ten kept connections (h11, asyncio), gunicorn's sync worker over a new connection for each request. Servers are
asked in turn, all in one round before the next. CPU time is the kernel's run time of all threads of the server.
"""
import argparse
import os
import socket
import subprocess
import tempfile
import time

APPLICATION = '''
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})

def wsgi(environ, start):
    start("200 OK", [("Content-Length", "2")])
    return [b"ok"]
'''
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
SERVERS = {
    "uvicorn": ("uvicorn --loop asyncio --http h11 --no-access-log --log-level error --port {} application:app", True),
    "gunicorn": ("gunicorn -w 1 --log-level error -b 127.0.0.1:{} application:wsgi", False),
}


def processes(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return [pid] + [int(child) for child in children.read().split()]


def run_time_ns(pid):
    total = 0
    for process in processes(pid):
        for thread in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{thread}/schedstat") as stat:
                total += int(stat.read().split()[0])
    return total


def answer(connection):
    got = b""
    while not got.endswith(b"ok"):
        more = connection.recv(4096)
        if not more:
            raise OSError(f"the server closed after {got!r}")
        got += more


def ask(port, requests, kept):
    address = ("127.0.0.1", port)
    if not kept:
        for _ in range(requests):
            with socket.create_connection(address) as connection:
                connection.sendall(REQUEST)
                answer(connection)
        return
    connections = [socket.create_connection(address) for _ in range(10)]
    for _ in range(requests // 10):
        for connection in connections:
            connection.sendall(REQUEST)
        for connection in connections:
            answer(connection)
    for connection in connections:
        connection.close()


def cpu_us(python, server, port, requests, folder):
    command, kept = SERVERS[server]
    process = subprocess.Popen([python, "-m"] + command.format(port).split(), cwd=folder, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        ask(port, requests // 5, kept)
        before = run_time_ns(process.pid)
        ask(port, requests, kept)
        return (run_time_ns(process.pid) - before) / requests / 1_000
    finally:
        process.terminate()
        process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--requests", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    versions = sorted(os.listdir(arguments.folder), key=lambda name: [int(part) for part in name.split(".")])
    found, port = {}, 9_300
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/application.py", "w") as file:
            file.write(APPLICATION)
        for _ in range(arguments.rounds):
            for server in SERVERS:
                for version in versions:
                    port += 1
                    python = os.path.abspath(f"{arguments.folder}/{version}/bin/python")
                    took = cpu_us(python, server, port, arguments.requests, folder)
                    found.setdefault((server, version), []).append(took)
    for server in SERVERS:
        usual = [min(found[key]) for key in found if key[0] == server and key[1].startswith("3.11")]
        for version in versions:
            took = sorted(found[server, version])
            share = took[0] / usual[0] * 100 if usual else float("nan")
            print(f"{server} {version}: {' '.join(f'{one:.0f}' for one in took)} us, {share:.0f} % of 3.11", flush=True)


main()
