"""The endpoints, one file a noun (valohai-rest-api.md 3)."""
