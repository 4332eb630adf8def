"""The web page: its shell and files, and what it asks of this server."""
