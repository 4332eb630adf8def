"""ValohaiDownloadExecutionOutputsOperator, where airflow-valohai-plugin has it."""

from __future__ import annotations

from localhai.airflow.operators.download_outputs import ValohaiDownloadExecutionOutputsOperator

__all__ = ["ValohaiDownloadExecutionOutputsOperator"]
