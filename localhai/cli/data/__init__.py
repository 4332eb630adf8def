"""`localhai data ...`: its commands."""
