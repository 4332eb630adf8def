"""Of the unit layer."""

from hypothesis import settings

# two busy cores make any example slow once in a while, and that says nothing of it
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
