"""The graph of a plan as text, Mermaid and DOT. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.pipelines.graph import Graph
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localhai.pipelines.plan import Edge, Node, PipelinePlan

_SHAPES = {"execution": ("[", "]"), "task": ("[[", "]]"), "deployment": ("([", "])")}
_DOT_SHAPES = {"execution": "box", "task": "box3d", "deployment": "ellipse"}


def as_text(plan: PipelinePlan) -> str:
    """Nodes in the order in which they can run, each with what it runs and what its edges give it."""
    graph = Graph(plan)
    nodes = {node.name: node for node in plan.nodes}
    blocks = []
    for name in graph.ordered():
        lines = [f"{name}  ({what(nodes[name])})", *_notes(nodes[name])]
        lines += [f"  <- {_short(edge)}" for edge in graph.into[name]]
        blocks.append("\n".join(lines))
    return "\n".join(blocks)


def as_mermaid(plan: PipelinePlan) -> str:
    """A Mermaid flowchart."""
    ids = {node.name: f"n{number}" for number, node in enumerate(plan.nodes)}
    lines = ["flowchart LR"]
    for node in plan.nodes:
        left, right = _SHAPES[node.type]
        lines.append(f"    {ids[node.name]}{left}{_mermaid_text(f'{node.name}<br/>{what(node)}')}{right}")
    for edge in plan.edges:
        arrow = "-.->" if edge.source_kind == "dependency" else f"-->|{_mermaid_text(_label(edge))}|"
        lines.append(f"    {ids[edge.source]} {arrow} {ids[edge.target]}")
    return "\n".join(lines)


def as_dot(plan: PipelinePlan) -> str:
    """A digraph for Graphviz."""
    lines = [f"digraph {_quoted(plan.name)} {{", "    rankdir=LR;"]
    for node in plan.nodes:
        label = _quoted(f"{node.name}\n{what(node)}")
        lines.append(f"    {_quoted(node.name)} [shape={_DOT_SHAPES[node.type]}, label={label}];")
    for edge in plan.edges:
        how = "style=dashed" if edge.source_kind == "dependency" else f"label={_quoted(_label(edge))}"
        lines.append(f"    {_quoted(edge.source)} -> {_quoted(edge.target)} [{how}];")
    return "\n".join([*lines, "}"])


def what(node: Node) -> str:
    """What a node runs: `step train`, `task sweep over train`, `deployment news`."""
    commit = f" of commit {node.commit}" if node.commit else ""
    if node.type == "deployment":
        return f"deployment {node.deployment}"
    if node.type == "task":
        return f"task {node.task} over step {node.step}{commit}" if node.task else f"task over step {node.step}{commit}"
    return f"step {node.step}{commit}"


def _notes(node: Node) -> Iterator[str]:
    """What is not as by default."""
    if node.on_error != "stop-all":
        yield f"  on error: {node.on_error}"
    if node.merge_mode != "replace":
        yield "  files of edges are added to those of the inputs"
    for action in node.actions:
        condition = f" if {' and '.join(action.conditions)}" if action.conditions else ""
        yield f"  {', '.join(action.when)}{condition}: {', '.join(action.then)}"
    for name, value in node.parameters.items():
        yield f"  {name} = {value}"


def _short(edge: Edge) -> str:
    source = f"{edge.source}.{edge.source_kind}.{edge.source_key}"
    return edge.source if edge.source_kind == "dependency" else f"{source} as {edge.target_kind} {edge.target_key}"


def _label(edge: Edge) -> str:
    if (edge.source_kind, edge.source_key) == (edge.target_kind, edge.target_key):
        return f"{edge.source_kind} {edge.source_key}"
    target = edge.target_key if edge.target_kind in {"input", "parameter"} else f"{edge.target_kind} {edge.target_key}"
    source = edge.source_key if edge.source_kind == "output" else f"{edge.source_kind} {edge.source_key}"
    return f"{source} → {target}"


def _quoted(text: str) -> str:
    r"""A string of DOT: `\n` is a new line there too, other escapes are not known."""
    return strict_json.dumps(text, ascii=False)


def _mermaid_text(text: str) -> str:
    """Quoted; a quote itself is an entity code there."""
    return '"' + text.replace("#", "#35;").replace('"', "#quot;") + '"'
