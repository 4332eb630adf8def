"""`localhai alias ...`: its commands."""
