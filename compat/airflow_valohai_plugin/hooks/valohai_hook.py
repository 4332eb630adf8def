"""ValohaiHook, where airflow-valohai-plugin has it."""

from __future__ import annotations

from localhai.airflow.hook import ValohaiHook

__all__ = ["ValohaiHook"]
