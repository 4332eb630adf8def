import { useRef } from "preact/hooks";
import { bounded, heading, moved, type Column, type Sort } from "../lib/columns";
import type { Writer } from "./cell";
import { BOX, type Layout, type Placed } from "./layout";

export const HEAD = 56;

interface Props {
  layout: Layout;
  from: number;
  to: number;
  writers: ReadonlyMap<string, Writer>;
  sort: Sort;
  columns: readonly Column[];
  all: boolean;
  some: boolean;
  onSort: (name: string) => void;
  onColumns: (columns: Column[]) => void;
  onSelectAll: () => void;
}

/** Names of columns: a click sorts, the edge resizes, a drag moves. */
export function GridHead(props: Props) {
  const { layout, columns } = props;
  const dragged = useRef<string | null>(null);
  const name = (placed: Placed, index: number) => (
    <HeadCell key={placed.column.name} placed={placed} index={index} dragged={dragged} {...props} />
  );
  return (
    <div class="grid-head" role="rowgroup" style={{ width: `${layout.width}px` }}>
      {groups([...layout.rest]).map((group) => (
        <div key={group.left} class="grid-group" aria-hidden="true" style={{ left: `${group.left}px`, width: `${group.width}px` }}>
          {group.title}
        </div>
      ))}
      <div role="row" aria-rowindex={1} class="grid-head-row">
        <div class="grid-pinned" role="presentation" style={{ width: `${layout.pinnedWidth}px` }}>
          <div class="grid-box" role="columnheader" aria-colindex={1} style={{ width: `${BOX}px` }}>
            <input
              type="checkbox"
              aria-label="Select all"
              checked={props.all}
              ref={(box) => void (box && (box.indeterminate = props.some && !props.all))}
              onClick={props.onSelectAll}
            />
          </div>
          {layout.pinned.map(name)}
        </div>
        {layout.rest.slice(props.from, props.to).map((placed, index) => name(placed, layout.pinned.length + props.from + index))}
      </div>
      <span class="away">{columns.length} columns</span>
    </div>
  );
}

type CellProps = Props & { placed: Placed; index: number; dragged: { current: string | null } };

function HeadCell({ placed, index, dragged, writers, sort, columns, onSort, onColumns }: CellProps) {
  const { name } = placed.column;
  const { title, best } = heading(name);
  const sorted = sort.name === name;
  const drop = (event: DragEvent) => {
    event.preventDefault();
    if (dragged.current) onColumns(moved(columns, dragged.current, name));
  };
  return (
    <div
      class={writers.get(name)?.right ? "grid-name right" : "grid-name"}
      role="columnheader"
      aria-colindex={index + 2}
      aria-sort={sorted ? (sort.descending ? "descending" : "ascending") : "none"}
      style={{ left: `${placed.left}px`, width: `${placed.width}px` }}
      draggable
      onDragStart={() => (dragged.current = name)}
      onDragOver={(event) => event.preventDefault()}
      onDrop={drop}
    >
      <button type="button" class="grid-sort" title={`${title}${best ? `, ${best}` : ""}`} onClick={() => onSort(name)}>
        <span class="cut">{title}</span>
        {best && best !== "latest" && <span class="soft">{best}</span>}
        {sorted && <span class="accent">{sort.descending ? "↓" : "↑"}</span>}
      </button>
      <span class="grid-edge" aria-hidden="true" draggable onDragStart={stop} onPointerDown={(event) => resize(event, placed, columns, onColumns)} />
    </div>
  );
}

function resize(event: PointerEvent, placed: Placed, columns: readonly Column[], onColumns: Props["onColumns"]): void {
  event.preventDefault();
  const start = event.clientX;
  const edge = event.currentTarget as HTMLElement;
  edge.setPointerCapture(event.pointerId);
  const move = (to: PointerEvent) => {
    const width = bounded(placed.width + to.clientX - start);
    onColumns(columns.map((column) => (column.name === placed.column.name ? { ...column, width } : column)));
  };
  edge.addEventListener("pointermove", move);
  edge.addEventListener("lostpointercapture", () => edge.removeEventListener("pointermove", move), { once: true });
}

function stop(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
}

/** Neighbours of one kind under one word. */
function groups(placed: readonly Placed[]): { title: string; left: number; width: number }[] {
  const found: { title: string; left: number; width: number }[] = [];
  let before = "";
  for (const { column, left, width } of placed) {
    const { group, best } = heading(column.name);
    const title = group === "Metrics" ? `Metrics, ${best}` : group;
    const last = found.at(-1);
    if (title && title === before && last) last.width += width;
    else if (title) found.push({ title, left, width });
    before = title;
  }
  return found;
}
