"""Rows as the platform's JSON objects (wire.md 2). Pure."""
