"""The newspaper classifier, in plain Python."""
