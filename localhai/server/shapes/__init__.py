"""Rows as the platform's JSON objects (valohai-rest-api.md 2). Pure."""
