"""Pressure on a server that runs: large bodies at once, clients that leave, read nothing or send slowly.

    idiolect serve --model ../shared/oracles/tiny/tiny-llama3 --port 8000 &
    python crates/idiolect-serve/tests/python/pressure.py 127.0.0.1 8000 PROCESS_ID

Prints the most memory that the process has held (Linux) before and after each kind, and ends with an error where the
server no longer answers.
"""

import json
import os
import socket
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor

BODIES = int(os.environ.get("BODIES", "200"))


def peak(process):
    for line in open(f"/proc/{process}/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024


def head(length):
    return f"POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n".encode()


def whole(place, body):
    with socket.create_connection(place, timeout=120) as client:
        client.sendall(head(len(body)))
        try:
            client.sendall(body)
        except OSError:
            return "closed while sending"
        try:
            return client.recv(200).split(b"\r\n")[0].decode() or "closed"
        except OSError:
            return "closed"


def counted(found):
    return {line: found.count(line) for line in sorted(set(found))}


def main(host, port, process):
    place = (host, int(port))

    def told(kind, found=""):
        with urllib.request.urlopen(f"http://{host}:{port}/health", timeout=60) as answer:
            assert answer.status == 200
        print(f"{kind}: most memory {peak(process):.0f} MB {found}", flush=True)

    told("before")
    ids = ("{\"prompt\": [" + "1," * 1_000_000 + "1]}").encode()
    deep = b"[" * 2_000_000
    text = json.dumps({"prompt": "word " * 400_000}).encode()
    huge = b"x" * 20_000_000
    with ThreadPoolExecutor(BODIES) as pool:
        for kind, body in (("2 MB of ids", ids), ("2 MB of brackets", deep), ("2 MB of text", text), ("20 MB", huge)):
            found = list(pool.map(lambda _, body=body: whole(place, body), range(BODIES)))
            told(f"{BODIES} bodies at once, {kind}", counted(found))
    lazy = [socket.create_connection(place) for _ in range(100)]
    long = json.dumps({"prompt": "x", "n": 64, "max_tokens": 200, "ignore_eos": True, "stream": True, "logprobs": 5})
    for client in lazy:
        client.sendall(head(len(long)) + long.encode())
    for client in lazy[::2]:
        client.close()
    told("50 clients that left, 50 that read nothing")
    short = json.dumps({"prompt": "x", "max_tokens": 1}).encode()
    told("and another is answered", whole(place, short))
    for client in lazy[1::2]:
        client.close()
    slow = [socket.create_connection(place) for _ in range(200)]
    for client in slow:
        client.sendall(b"POST /v1/completions HTTP/1.1\r\nhost: l")
    told("200 clients that send half a head", whole(place, short))
    for client in slow:
        client.close()


if __name__ == "__main__":
    main(*sys.argv[1:4])
