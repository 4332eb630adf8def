"""`localhai model ...`: its commands."""
