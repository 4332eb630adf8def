"""`localhai dataset ...`: its commands."""
