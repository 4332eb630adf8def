"""What went wrong, as Airflow's exceptions: without another try where another try cannot help."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from localhai.airflow.compat import AirflowException, AirflowFailException
from localhai.errors import MISTAKES, LocalhaiError
from localhai.vocabulary import FINAL, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LAST_LINES = 20


@contextmanager
def airflow_words() -> Iterator[None]:
    """Inside, mistakes of the DAG or the project become AirflowFailException, all else AirflowException."""
    try:
        yield
    except MISTAKES as error:
        raise AirflowFailException(text_of(error)) from error
    except LocalhaiError as error:
        raise AirflowException(text_of(error)) from error


def text_of(error: LocalhaiError) -> str:
    """Message, problems with their positions, and hints; a line each."""
    lines = [error.message]
    lines += [f"  {item.position or error.where}: {item.message}" for item in getattr(error, "problems", ())]
    lines += [f"  {hint}" for hint in error.hints]
    return "\n".join(lines)


def raise_unless_complete(details: Mapping[str, Any], what: str, lines: Sequence[str]) -> None:
    """Raises AirflowException for every final status but `complete`, with the exit code and the last lines."""
    from localhai.airflow import shapes

    status = details.get("status")
    if status == Status.COMPLETE:
        return
    if status not in FINAL:
        raise AirflowException(f"{what} has the status {status!r}, which is not known")
    raise AirflowException(shapes.failure_text(details, what, list(lines)[-LAST_LINES:]))
