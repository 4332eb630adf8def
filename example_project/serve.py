"""Endpoint `section`: GET ...?headline=...&text=... answers with the section that an article belongs in."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from news.model import Model

MODEL = Path(os.environ.get("MODEL", "model.json"))


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        article = {name: " ".join(query.get(name, [])) for name in ("headline", "text")}
        answer = {"section": MODEL_READ.labels[MODEL_READ.predict(MODEL_READ.vocabulary.features(article))]}
        body = json.dumps(answer).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


MODEL_READ = Model.from_dict(json.loads(MODEL.read_text()))

if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
