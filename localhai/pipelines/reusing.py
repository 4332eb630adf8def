"""`--reuse=COUNTER|latest:glob,...`: nodes of an earlier pipeline in place of nodes, as in `vh` (platform.md 1.8)."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import TYPE_CHECKING

from localhai.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.executions.home import Home
    from localhai.pipelines.plan import PipelinePlan
    from localhai.pipelines.runners import Kept, NodeRunner
    from localhai.records.pipeline_rows import Pipeline

_FORM = "--reuse=5:preprocess,train*  or  --reuse=latest:*"


def reuse(
    home: Home, project_id: str, plan: PipelinePlan, specs: Sequence[str], runners: Mapping[str, NodeRunner]
) -> dict[str, Kept]:
    """What takes the place of nodes of `plan`; of two that name the same node the later counts.

    Raises UsageError for one that is not of the form, matches nothing, or whose node did not succeed.
    """
    found: dict[str, Kept] = {}
    for spec in specs:
        counter, globs = parse(spec)
        record = home.records.pipelines.find(counter, project_id)
        names = [node.name for node in plan.nodes if any(fnmatch(node.name, glob) for glob in globs)]
        if not names:
            known = ", ".join(node.name for node in plan.nodes)
            raise UsageError(f"--reuse={spec} matches no node of pipeline {plan.name}", hints=[f"its nodes: {known}"])
        for name in names:
            found[name] = _of(home, record, name, runners)
    return found


def parse(spec: str) -> tuple[str, tuple[str, ...]]:
    """`5:a,b*` as the pipeline and its patterns. Raises UsageError."""
    counter, _, rest = spec.partition(":")
    globs = tuple(glob.strip() for glob in rest.split(",") if glob.strip())
    if not counter.strip() or not globs:
        raise UsageError(f"--reuse={spec} names no pipeline and its nodes", hints=[_FORM])
    return counter.strip(), globs


def _of(home: Home, record: Pipeline, name: str, runners: Mapping[str, NodeRunner]) -> Kept:
    node = record.node(name)
    if node is None:
        known = ", ".join(item.name for item in record.nodes)
        raise UsageError(f"pipeline #{record.counter} has no node {name} to reuse", hints=[f"its nodes: {known}"])
    kept = runners[node.type].earlier(home, node) if node.type in runners else None
    if kept is None:
        raise UsageError(
            f"node {name} of pipeline #{record.counter} cannot be reused: it did not succeed, or its files are gone",
            where=f"node {name}",
            hints=[f"it is {node.status}: localhai pipeline info {record.counter}"],
        )
    return kept
