import { useMemo } from "preact/hooks";
import type { Writer } from "./cell";
import type { Layout, Placed } from "./layout";

interface Props {
  id: string;
  row: number;
  index: number;
  top: number;
  layout: Layout;
  from: number;
  to: number;
  writers: ReadonlyMap<string, Writer>;
  label: string;
  selected: boolean;
  active: boolean;
  onSelect: (id: string, shift: boolean) => void;
  onActive: (id: string) => void;
}

/** One execution. */
export function GridRow(props: Props) {
  const { id, row, layout } = props;
  const style = useMemo(() => ({ transform: `translateY(${props.top}px)`, width: `${layout.width}px` }), [props.top, layout]);
  if (row < 0) return null;
  return (
    <div
      id={`row-${id}`}
      class={`grid-row${props.selected ? " is-selected" : ""}${props.active ? " is-active" : ""}`}
      role="row"
      aria-rowindex={props.index + 2}
      aria-selected={props.selected}
      style={style}
      onClick={(event) => onClick(event, props)}
    >
      <div class="grid-pinned" role="presentation" style={{ width: `${layout.pinnedWidth}px` }}>
        <div class="grid-box" role="gridcell" aria-colindex={1}>
          <input type="checkbox" checked={props.selected} aria-label={`Select #${props.label}`} tabIndex={-1} />
        </div>
        {layout.pinned.map((placed, index) => (
          <Cell key={placed.column.name} placed={placed} index={index} writers={props.writers} row={row} />
        ))}
      </div>
      {layout.rest.slice(props.from, props.to).map((placed, index) => (
        <Cell key={placed.column.name} placed={placed} index={layout.pinned.length + props.from + index} writers={props.writers} row={row} />
      ))}
    </div>
  );
}

function Cell({ placed, index, writers, row }: { placed: Placed; index: number; writers: ReadonlyMap<string, Writer>; row: number }) {
  const writer = writers.get(placed.column.name);
  return (
    <div
      class={writer?.right ? "grid-cell right" : "grid-cell"}
      role="gridcell"
      aria-colindex={index + 2}
      style={{ left: `${placed.left}px`, width: `${placed.width}px` }}
    >
      {writer?.write(row)}
    </div>
  );
}

/** A click on the box selects, one on the row opens what its number links to; a link does what links do. */
function onClick(event: MouseEvent, { id, onSelect, onActive }: Props): void {
  const target = event.target as Element;
  onActive(id);
  if (target.closest(".grid-box")) {
    onSelect(id, event.shiftKey);
    return;
  }
  if (target.closest("a, button")) return;
  if (event.shiftKey || event.ctrlKey || event.metaKey) {
    event.preventDefault();
    getSelection()?.removeAllRanges();
    onSelect(id, event.shiftKey);
  } else if (!getSelection()?.toString()) {
    (event.currentTarget as Element).querySelector<HTMLElement>("a.counter, a")?.click();
  }
}
