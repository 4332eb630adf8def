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


def answer(request):
    return {"path": request.path.rsplit("/", 1)[-1], "here": os.environ.get("HERE"), "directory": os.getcwd()}


HTTPServer(("0.0.0.0", int(sys.argv[1])), Handler).serve_forever()  # noqa: S104  # of a container
