"""The Docker Engine: its HTTP API, and the ways to reach it."""
