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
    found = [json.load(open(place)) for place in ("valohai-metadata.json", "/valohai/valohai-metadata.json")]
    version, deployment = found[0]["version"], found[0]["deployment"]
    return {
        "alike": found[0] == found[1],
        "writable": os.stat("valohai-metadata.json").st_mode & 0o222,
        "version": version["name"],
        "deployment": [deployment["name"], deployment["project"]["name"]],
        "file": version["endpoints"][0]["files"][0]["datum"]["sha256"],
    }


HTTPServer(("0.0.0.0", int(sys.argv[1])), Handler).serve_forever()  # noqa: S104  # of a container
