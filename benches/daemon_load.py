"""How much `sawatch run` takes, and how soon it tells: the release binary, its real sources, its own metrics.

Usage: python3 benches/daemon_load.py LOG [LOG...]

Prints the highest rate of a log that is there already, a log that grows at half and at twice that rate, and the audit
webhook (TLS, EventLists of 400) as fast as it goes over 4 and 64 connections and at half the rate. Latencies are from
a record's arrival to the delivery of what it made, by the daemon's own histogram.
"""

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

BINARY = os.path.join(os.path.dirname(__file__), "..", "target", "release", "sawatch")
ADMIN, WEBHOOK = 19440, 19443
LIST = 400

SOURCES = {
    "file": "kind: file\n    path: audit.log",
    "webhook": f"kind: webhook\n    listen: 127.0.0.1:{WEBHOOK}\n    token-file: tls/token\n    tls:\n"
    "      cert: tls/server.crt\n      key: tls/server.key",
}


class Daemon:
    """One that runs in the current folder."""

    def __init__(self, source):
        subprocess.run(["rm", "-rf", "state", "out.jsonl"], check=True)
        with open("sawatch.yaml", "w", encoding="utf-8") as file:
            file.write(
                f"sources:\n  s:\n    {SOURCES[source]}\nsinks:\n  out:\n    kind: file\n    path: out.jsonl\n"
                f"state:\n  folder: state\nadmin:\n  listen: 127.0.0.1:{ADMIN}\n"
            )
        command = [BINARY, "--log-level", "warn", "run", "--config", "sawatch.yaml"]
        self.process = subprocess.Popen(command)
        while self.metrics() is None:
            time.sleep(0.02)

    def metrics(self):
        try:
            page = urllib.request.urlopen(f"http://127.0.0.1:{ADMIN}/metrics", timeout=5).read().decode()
        except OSError:
            return None
        rows = (line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in rows}

    def done(self):
        metrics = self.metrics()
        return sum(metrics[f"sawatch_events_{what}_total"] for what in ("judged", "repeated", "unjudged"))

    def wait_for(self, events):
        while self.done() < events:
            time.sleep(0.02)

    def end(self):
        """CPU seconds, peak MiB and latencies in ms; then it is stopped."""
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as file:
            stat = file.read().split()
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            peak = int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1)) // 1024
        latency = [
            f"{name.split(chr(34))[1]}: {value * 1e3:.1f}"
            for name, value in self.metrics().items()
            if name.startswith("sawatch_delivery_latency_seconds{")
        ]
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        cpu = (int(stat[13]) + int(stat[14])) / os.sysconf("SC_CLK_TCK")
        return f"CPU {cpu:.2f} s, peak {peak} MiB, latency ms {{{', '.join(latency)}}}"


def whole(lines):
    with open("audit.log", "wb") as file:
        file.writelines(lines)
    begin = time.time()
    daemon = Daemon("file")
    daemon.wait_for(len(lines))
    rate = len(lines) / (time.time() - begin)
    print(f"file, there already: {rate:,.0f} events/s, {daemon.end()}", flush=True)
    return rate


def growing(lines, rate):
    open("audit.log", "wb").close()
    daemon = Daemon("file")
    begin, written = time.time(), 0
    with open("audit.log", "ab", buffering=0) as file:
        while written < len(lines):
            due = min(len(lines), int((time.time() - begin) * rate))
            file.write(b"".join(lines[written:due]))
            written = due
            time.sleep(0.005)
    wrote = time.time() - begin
    behind = len(lines) - daemon.done()
    daemon.wait_for(len(lines))
    print(
        f"file, growing at {len(lines) / wrote:,.0f} events/s: {behind:,.0f} events behind when the last was written, "
        f"none {time.time() - begin - wrote:.2f} s later, {daemon.end()}",
        flush=True,
    )


def posted(lists, events, connections, rate=None):
    daemon = Daemon("webhook")
    begin, lock, took, answers = time.time(), threading.Lock(), [], {}
    with open("tls/token", encoding="utf-8") as file:
        headers = {"Authorization": "Bearer " + file.read().strip(), "Content-Type": "application/json"}
    waiting = iter(list(enumerate(lists)))

    def client():
        context = ssl.create_default_context(cafile="tls/ca.crt")
        connection = http.client.HTTPSConnection("127.0.0.1", WEBHOOK, context=context)
        while True:
            with lock:
                number, body = next(waiting, (None, None))
            if body is None:
                return
            if rate:
                time.sleep(max(0, begin + number * LIST / rate - time.time()))
            status = None
            while status != 200:
                sent = time.time()
                connection.request("POST", "/audit/cp-1", body, headers)
                answer = connection.getresponse()
                answer.read()
                status = answer.status
                with lock:
                    took.append(time.time() - sent)
                    answers[status] = answers.get(status, 0) + 1

    threads = [threading.Thread(target=client) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reached = events / (time.time() - begin)
    took.sort()
    quantiles = ", ".join(f"{q}: {took[int(len(took) * q)] * 1e3:.1f}" for q in (0.5, 0.99, 0.999))
    print(
        f"webhook, {connections} connections: {reached:,.0f} events/s, answers {json.dumps(answers)} in ms {{{quantiles}}}, "
        f"{daemon.end()}",
        flush=True,
    )
    return reached


def main():
    lines = [line for path in sys.argv[1:] for line in open(path, "rb")]
    head = b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":['
    lists = [
        head + b",".join(line.strip() for line in lines[n : n + LIST]) + b"]}" for n in range(0, len(lines), LIST)
    ]
    global BINARY
    BINARY = os.path.abspath(BINARY)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        init = [BINARY, "webhook", "init", "--host", "127.0.0.1", "--dir", "tls"]
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL)
        rate = whole(lines)
        growing(lines, rate / 2)
        growing(lines, rate * 2)
        rate = posted(lists, len(lines), 4)
        posted(lists, len(lines), 4, rate / 2)
        posted(lists, len(lines), 64)


if __name__ == "__main__":
    main()
