"""What a task of Airflow would have written into its log."""

from __future__ import annotations

from localhai.airflow.platform import Watcher


class Hearing(Watcher):
    """Keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)
