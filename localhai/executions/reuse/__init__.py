"""Reuse: whether an earlier execution equals the one that is asked for, and why not (platform.md 6)."""
