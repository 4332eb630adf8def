"""The fake engine, public by `localhai.testing`: containers are Python functions."""
