"""ValohaiSubmitExecutionOperator, where airflow-valohai-plugin has it."""

from __future__ import annotations

from localhai.airflow.operators.submit_execution import ValohaiSubmitExecutionOperator

__all__ = ["ValohaiSubmitExecutionOperator"]
