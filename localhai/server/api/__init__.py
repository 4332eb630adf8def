"""The endpoints (wire.md 3): route, body and JSON shape of one noun in one file, a large body in `<noun>_body.py`."""
