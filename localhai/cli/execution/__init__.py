"""`localhai execution ...`: its commands."""
