"""Lineage: what a datum was made from, and what was made from it. The graph is pure; `trace` reads the records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

from localhai.vocabulary import datum_uri, has_scheme

if TYPE_CHECKING:
    from localhai.records import DatumRecord, ExecutionRecord, Records
    from localhai.records.deployments import DeploymentVersion

Kind = Literal["datum", "execution", "source", "deployment"]
Direction = Literal["up", "down"]

MOST_BRANCHES = 25
_SHAPES = {"execution": ("[", "]"), "deployment": ("[[", "]]")}  # of Mermaid


class LineageNode(Struct, frozen=True):
    """A datum, an execution, or a `source`: a file from outside that an execution used, its URI as id.

    Of kind `deployment` is a version of one, which has data as files.
    """

    id: str
    kind: Kind
    label: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class LineageEdge(Struct, frozen=True):
    """Data go from `source` to `target`; `input` names the input of the execution that they went into.

    `file` is the `ENDPOINT.FILE` of a deployment that they are.
    """

    source: str
    target: str
    input: str | None = None
    file: str | None = None

    @property
    def way(self) -> str:
        """How the target got them, in words; empty for an output."""
        return f"input {self.input}: " if self.input else f"file {self.file}: " if self.file else ""

    def to_dict(self) -> dict[str, str | None]:
        """`source, target, input, file`."""
        return {"source": self.source, "target": self.target, "input": self.input, "file": self.file}


class Lineage(Struct):
    """A graph without cycles around the datum `root`."""

    root: str
    nodes: dict[str, LineageNode] = field(default_factory=dict)
    edges: dict[LineageEdge, None] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """`{root, nodes: [{id, kind, label, ...}], edges: [{source, target, input, file}]}`."""
        return {
            "root": self.root,
            "nodes": [{"id": node.id, "kind": node.kind, "label": node.label, **node.facts} for node in self._sorted()],
            "edges": [edge.to_dict() for edge in self.edges],
        }

    def mermaid(self) -> str:
        """A Mermaid flowchart, data flowing down."""
        names = {node.id: f"n{number}" for number, node in enumerate(self._sorted())}
        lines = ["flowchart TD"]
        for node in self._sorted():
            left, right = _SHAPES.get(node.kind, ("(", ")"))
            lines.append(f'    {names[node.id]}{left}"{_mermaid_text(node.label)}"{right}')
        for edge in self.edges:
            into = edge.input or edge.file
            label = f'|"{_mermaid_text(into)}"|' if into else ""
            lines.append(f"    {names[edge.source]} -->{label} {names[edge.target]}")
        return "\n".join(lines)

    def tree(self, direction: Direction) -> list[str]:
        """The lines of a tree whose root is the datum. What was drawn before is named again, not drawn again."""
        drawn: set[str] = set()
        branches = self._branches(direction)
        lines: list[str] = []
        waiting = [_Line(self.root)]
        while waiting:  # no recursion: lineages are as deep as people make them
            line = waiting.pop()
            children = branches.get(line.node or "", [])
            again = line.node in drawn and bool(children)
            label = self.nodes[line.node].label if line.node is not None else ""
            lines.append(f"{line.lead}{line.before}{label}{' (see above)' if again else ''}")
            if line.node is not None and not again:
                drawn.add(line.node)
                waiting += reversed(_lines_below(children, line.below))
        return lines

    def _branches(self, direction: Direction) -> dict[str, list[tuple[str, str]]]:
        found: dict[str, list[tuple[str, str]]] = {}
        for edge in self.edges:
            here, there = (edge.target, edge.source) if direction == "up" else (edge.source, edge.target)
            found.setdefault(here, []).append((there, edge.way))
        return found

    def _sorted(self) -> list[LineageNode]:
        return sorted(self.nodes.values(), key=lambda node: (node.kind == "execution", node.kind, node.id))


class _Line(Struct, frozen=True):
    """A line of a tree: what it leads with, what the lines below it lead with, and what stands before its node."""

    node: str | None
    lead: str = ""
    below: str = ""
    before: str = ""


def _lines_below(children: list[tuple[str, str]], below: str) -> list[_Line]:
    shown = children if len(children) <= MOST_BRANCHES + 1 else children[:MOST_BRANCHES]
    lines = [_Line(child, f"{below}├─ ", f"{below}│  ", way) for child, way in shown]
    if len(shown) < len(children):
        return [*lines, _Line(None, f"{below}└─ ", "", f"... and {len(children) - len(shown)} more")]
    if lines:
        last = lines[-1]
        lines[-1] = _Line(last.node, f"{below}└─ ", f"{below}   ", last.before)
    return lines


def _mermaid_text(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def trace(records: Records, datum: DatumRecord, directions: Iterable[Direction], depth: int | None = None) -> Lineage:
    """Walk up, down or both, level by level; `depth` counts executions on a way, None is all the way."""
    found = Lineage(datum.id)
    for direction in directions:
        frontier = {datum.id: datum}
        seen: set[str] = set()
        level = 0
        found.nodes[datum.id] = datum_node(datum)
        while frontier and (depth is None or level < depth):
            seen |= frontier.keys()
            step = _up if direction == "up" else _down
            frontier = {key: item for key, item in step(records, found, frontier).items() if key not in seen}
            level += 1
    return found


def _up(records: Records, found: Lineage, frontier: Mapping[str, DatumRecord]) -> dict[str, DatumRecord]:
    makers = {item.execution_id: None for item in frontier.values() if item.execution_id}
    for item in frontier.values():
        if item.execution_id:
            found.edges[LineageEdge(item.execution_id, item.id)] = None
    uses = records.uses.by_executions(list(makers))
    used = records.data.by_id(list({use.datum_id: None for use in uses}))
    executions = _add_executions(records, found, makers)
    for execution in executions.values():
        _add_sources(found, execution)
    _add_data(found, used.values())
    for use in uses:
        if use.datum_id in used:
            found.edges[LineageEdge(use.datum_id, use.execution_id, use.input)] = None
    return used


def _down(records: Records, found: Lineage, frontier: Mapping[str, DatumRecord]) -> dict[str, DatumRecord]:
    uses = records.uses.of_data(list(frontier))
    users = {use.execution_id: None for use in uses}
    _add_executions(records, found, users)
    for use in uses:
        found.edges[LineageEdge(use.datum_id, use.execution_id, use.input)] = None
    for made in records.uses.by_deployments(list(frontier)):
        found.nodes[made.version.id] = deployment_node(made.version)
        found.edges[LineageEdge(made.datum_id, made.version.id, file=made.file)] = None
    outputs = records.data.of_executions(list(users))
    _add_data(found, outputs)
    for output in outputs:
        found.edges[LineageEdge(str(output.execution_id), output.id)] = None
    return {output.id: output for output in outputs}


def _add_executions(records: Records, found: Lineage, ids: Iterable[str]) -> dict[str, ExecutionRecord]:
    wanted = list(ids)
    known = records.executions.by_id(wanted)
    for execution_id in wanted:
        found.nodes[execution_id] = execution_node(execution_id, known.get(execution_id))
    return known


def _add_data(found: Lineage, data: Iterable[DatumRecord]) -> None:
    for item in data:
        found.nodes[item.id] = datum_node(item)


def _add_sources(found: Lineage, execution: ExecutionRecord) -> None:
    """Files that are no data of ours: of S3, of the web, of this machine."""
    for item in execution.document.get("inputs", ()):
        for file in item["files"]:
            uri = file.get("stand_in") or file["uri"]
            if not has_scheme(uri):
                facts = {"size": file.get("size"), "sha256": file.get("sha256")}
                found.nodes.setdefault(uri, LineageNode(uri, "source", uri, facts))
                found.edges[LineageEdge(uri, execution.id, item["name"])] = None


def datum_node(datum: DatumRecord) -> LineageNode:
    names = f" ({', '.join(datum.aliases)})" if datum.aliases else ""
    purged = " (deleted)" if datum.purged else ""
    facts = {"name": datum.name, "size": datum.size, "sha256": datum.sha256, "aliases": list(datum.aliases)}
    return LineageNode(datum.id, "datum", f"{datum.name} {datum_uri(datum.id)}{names}{purged}", facts)


def deployment_node(version: DeploymentVersion) -> LineageNode:
    """A version of a deployment, by the name that commands take."""
    names = f" ({', '.join(version.aliases)})" if version.aliases else ""
    facts = {
        "project": version.project,
        "deployment": version.deployment,
        "version": version.name,
        "aliases": list(version.aliases),
        "commit": version.commit,
    }
    label = f"deployment {version.deployment}/{version.name} of {version.project}{names}"
    return LineageNode(version.id, "deployment", label, facts)


def execution_node(execution_id: str, execution: ExecutionRecord | None) -> LineageNode:
    """An execution with what made its outputs: step, code, image, parameters."""
    if execution is None:
        return LineageNode(execution_id, "execution", f"a deleted execution ({execution_id})", {"deleted": True})
    commit = f", commit {execution.commit[:13]}" if execution.commit else ""
    facts = {
        "project": execution.project,
        "counter": execution.counter,
        "step": execution.step,
        "status": str(execution.status),
        "commit": execution.commit,
        "image": execution.image,
        "image_digest": execution.document.get("image_digest"),
        "parameters": execution.document.get("parameters", {}),
    }
    label = f"#{execution.counter} {execution.step} of {execution.project}, {execution.status}{commit}"
    return LineageNode(execution_id, "execution", label, facts)
