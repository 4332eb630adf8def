"""The endpoints, one file a noun (wire.md 3)."""
