"""Stub of the API in a pod: serves the desired model, answers requests, and counts them as the API does.

Runs in the cluster and needs only Python. BEHAVIOUR (JSON, by bundle digest) sets a bundle's faults:
{"<digest>": {"ready": false, "failed": 0.2, "handoffs": 0.5, "seconds": 0.3, "serves": "<another digest>",
"exit": "why", "start": 3}}.
"""

import json
import os
import random
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BOUNDS = (0.005, 0.05, 0.2, 1.0)
model = os.environ.get("CHATBOT_MODEL", "")
version, _, digest = model.partition("@")
digest = digest or os.environ["IMAGE_DIGEST"]
behaviour = json.loads(os.environ.get("BEHAVIOUR", "{}")).get(digest, {})
counts: Counter[str] = Counter()
for bound in (*BOUNDS, "+Inf"):  # a histogram exports all of its buckets
    counts[f'chatbot_request_duration_seconds_bucket{{route="/chat",le="{bound}"}}'] = 0
lock = threading.Lock()


def count(name: str) -> None:
    with lock:
        counts[name] += 1


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path == "/readyz":
            self.answer(200 if behaviour.get("ready", True) else 503, "")
        elif self.path == "/version":
            serves = behaviour.get("serves", digest)
            self.answer(200, json.dumps({"model_version": version, "bundle_digest": serves}))
        elif self.path == "/metrics":
            with lock:
                lines = [f"{name} {float(value)}" for name, value in counts.items()]
            self.answer(200, "\n".join([*lines, ""]))
        else:
            self.answer(404, "")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/feedback":
            count(f'chatbot_feedback_total{{helpful="{"yes" if body["helpful"] else "no"}"}}')
            return self.answer(200, "{}")
        time.sleep(behaviour.get("seconds", 0.0))
        seconds = behaviour.get("seconds", 0.0)
        for bound in [b for b in BOUNDS if seconds <= b] + ["+Inf"]:
            count(f'chatbot_request_duration_seconds_bucket{{route="/chat",le="{bound}"}}')
        status = 503 if random.random() < behaviour.get("failed", 0.0) else 200
        count(f'chatbot_requests_total{{route="/chat",status="{status}"}}')
        if status == 200:
            count('chatbot_predictions_total{intent="get_refund",source="model"}')
            if random.random() < behaviour.get("handoffs", 0.1):
                count('chatbot_handoffs_total{source="human"}')
        return self.answer(status, json.dumps({"model_version": version}))

    def log_message(self, *_: object) -> None:
        pass


if "exit" in behaviour:
    sys.stderr.write(f"a line of the log that says nothing of it\n{behaviour['exit']}\n")
    sys.exit(3)
time.sleep(behaviour.get("start", 0))
ThreadingHTTPServer.request_queue_size = 64
ThreadingHTTPServer(("", 3000), Api).serve_forever()
