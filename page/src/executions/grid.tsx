import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Column, Sort } from "../lib/columns";
import type { Table } from "../lib/table";
import { seen } from "../lib/virtual";
import { writerOf } from "./cell";
import { GridHead, HEAD } from "./grid-head";
import { GridRow } from "./grid-row";
import { across, layoutOf, ROW } from "./layout";

interface Props {
  project: string;
  table: Table;
  version: number;
  ids: readonly string[];
  columns: readonly Column[];
  sort: Sort;
  selection: ReadonlySet<string>;
  active: string | null;
  onSort: (name: string) => void;
  onColumns: (columns: Column[]) => void;
  onSelect: (id: string, shift: boolean) => void;
  onSelectAll: () => void;
  onActive: (id: string) => void;
  onScrolled: (away: boolean) => void;
}

interface View {
  top: number;
  left: number;
  height: number;
  width: number;
}

/** The list as a grid of virtual rows and columns: what is not seen is not there. */
export function Grid(props: Props) {
  const { table, ids, columns, version } = props;
  const root = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<View>({ top: 0, left: 0, height: 900, width: 0 });
  const measure = () => {
    const element = root.current;
    if (!element) return;
    const next = { top: element.scrollTop, left: element.scrollLeft, height: element.clientHeight, width: element.clientWidth };
    setView((before) => (same(before, next) ? before : next));
    props.onScrolled(element.scrollTop > ROW);
  };
  useLayoutEffect(() => {
    measure();
    const observer = new ResizeObserver(measure);
    if (root.current) observer.observe(root.current);
    return () => observer.disconnect();
  }, []);
  const layout = useMemo(() => layoutOf(columns, view.width), [columns, view.width]);
  const rows = useMemo(() => ids.map((id) => table.row(id) ?? -1), [ids, version]);
  const writers = useMemo(() => {
    const all = table.rows(); // not those that are shown: a column is written the same whatever is filtered
    return new Map(columns.map(({ name }) => [name, writerOf(name, table, props.project, all)]));
  }, [columns, version]);
  const shown = seen(Math.max(0, view.top - HEAD), view.height, ROW, ids.length, 6);
  const [from, to] = across(layout.rest, view.left + layout.pinnedWidth, Math.max(0, (view.width || 1400) - layout.pinnedWidth));
  useEffect(() => reveal(root.current, ids.indexOf(props.active ?? "")), [props.active]);

  const kept = useRef(new Map<string, VNode>());
  const context = useMemo(() => ({}), [layout, writers, from, to, props.project]);
  const before = useRef(context);
  if (before.current !== context) kept.current.clear();
  before.current = context;
  const drawn = new Map<string, VNode>();
  for (let index = shown.from; index < shown.to; index += 1) {
    const id = ids[index] ?? "";
    const [selected, active] = [props.selection.has(id), props.active === id];
    const key = `${id} ${index} ${selected} ${active}`;
    const row = (
      <GridRow
        key={id}
        id={id}
        row={rows[index] ?? -1}
        index={index}
        top={index * ROW}
        layout={layout}
        from={from}
        to={to}
        writers={writers}
        label={String(table.at("counter", rows[index] ?? -1))}
        selected={selected}
        active={active}
        onSelect={props.onSelect}
        onActive={props.onActive}
      />
    );
    drawn.set(key, kept.current.get(key) ?? row); // the same node again: Preact leaves the row alone
  }
  kept.current = drawn;
  return (
    <div
      class="grid panel"
      ref={root}
      role="grid"
      aria-label="Executions"
      aria-rowcount={ids.length + 1}
      aria-colcount={columns.length + 1}
      aria-multiselectable="true"
      aria-activedescendant={props.active ? `row-${props.active}` : undefined}
      tabIndex={0}
      onScroll={measure}
    >
      <GridHead
        layout={layout}
        from={from}
        to={to}
        writers={writers}
        sort={props.sort}
        columns={columns}
        all={ids.length > 0 && props.selection.size >= ids.length}
        some={props.selection.size > 0}
        onSort={props.onSort}
        onColumns={props.onColumns}
        onSelectAll={props.onSelectAll}
      />
      <div class="grid-body" role="rowgroup" style={{ height: `${ids.length * ROW}px`, width: `${layout.width}px` }}>
        {[...drawn.values()]}
      </div>
    </div>
  );
}

function same(a: View, b: View): boolean {
  return a.top === b.top && a.left === b.left && a.height === b.height && a.width === b.width;
}

/** Scrolls as little as needed for the row to be seen. */
function reveal(element: HTMLElement | null, index: number): void {
  if (!element || index < 0) return;
  const top = index * ROW;
  const above = element.scrollTop;
  const below = element.scrollTop + element.clientHeight - HEAD - ROW;
  if (top < above) element.scrollTop = top;
  else if (top > below) element.scrollTop = top - (element.clientHeight - HEAD - ROW);
}
