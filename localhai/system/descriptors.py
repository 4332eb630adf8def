"""How many files this process may have open. A Mac's terminals allow 256, which a few executions at once use up."""

from __future__ import annotations

WANTED = 8192  # within what every macOS grants (OPEN_MAX is 10240)


def allow_many() -> None:
    """Raise the soft limit as far as the system lets us; where it does not, all stays as it is."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return
