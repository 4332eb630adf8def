"""Answers with what it finds in its surroundings."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer(self)).encode())

    def log_message(self, *_):
        pass


PLACES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def answer(request):
    place = next(item for item in PLACES if os.path.exists(item))
    return {"memory": int(open(place).read())}


HTTPServer(("0.0.0.0", int(sys.argv[1])), Handler).serve_forever()  # noqa: S104  # of a container
