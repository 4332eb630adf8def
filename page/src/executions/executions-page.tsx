import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { heading } from "../lib/columns";
import { differing } from "../lib/differ";
import { grouped, plural } from "../lib/format";
import { filtered } from "../lib/match";
import { comparePath, executionPath } from "../lib/route";
import { selected } from "../lib/selection";
import { settled } from "../lib/settle";
import { sorted } from "../lib/sort";
import { link } from "../net/stream";
import { OPEN } from "../parts/status";
import { Trouble } from "../parts/trouble";
import { findProject } from "../projects/projects";
import { useKeys } from "../shell/keys";
import { go, setQuery } from "../shell/router";
import { useTitle } from "../shell/title";
import { ActionBar } from "./action-bar";
import { ColumnsPanel } from "./columns-panel";
import { FilterBox } from "./filter-box";
import { Grid } from "./grid";
import { clicked, listState, setColumns, setSort } from "./list-state";
import { NoExecutions } from "./no-executions";
import { tableOf } from "./table-model";

/** The executions of a project. */
export function ExecutionsPage({ project }: { project: string }) {
  const found = findProject(project);
  const id = found?.id ?? project;
  const name = found?.name ?? "this project";
  useTitle(`Executions of ${name}`);
  const model = tableOf(id);
  useEffect(() => model.use(), [model]);
  const failure = model.failure.value;
  if (failure && !model.loaded.value) {
    return (
      <section class="page">
        <Trouble failure={failure} again={() => void model.load()} />
      </section>
    );
  }
  return (
    <section class="page page-fill">
      <List key={id} project={id} name={name} />
    </section>
  );
}

function List({ project, name }: { project: string; name: string }) {
  const { table, version, loaded } = tableOf(project);
  const changed = version.value;
  const state = listState(project, table);
  const { filter, sort } = state;
  const rows = useMemo(
    () => sorted(filtered(table.rows(), table, filter, Date.now()), table, sort, Date.now()),
    [changed, filter, sort.name, sort.descending],
  );
  const columns = useMemo(
    () => (state.differs ? differing(state.columns, rows, table) : state.columns),
    [changed, rows, state.differs, JSON.stringify(state.columns)],
  );
  const wanted = useMemo(() => rows.map((row) => table.ids[row] ?? ""), [rows]);
  const question = `${filter} ${sort.name} ${sort.descending}`;
  const { ids, fresh, setAway, showAll } = useSettled(wanted, question);
  const [selection, setSelection] = useState<ReadonlySet<string>>(new Set());
  const [active, setActive] = useState<string | null>(null);
  const anchor = useRef<string | null>(null);
  const picked = ids.filter((id) => selection.has(id));
  const select = (id: string, shift: boolean) => {
    setSelection((before) => selected(before, ids, id, anchor.current, shift));
    anchor.current = id;
  };
  const step = (by: number) => {
    const at = active === null ? (by > 0 ? -1 : ids.length) : ids.indexOf(active);
    const next = ids[Math.max(0, Math.min(ids.length - 1, at + by))];
    if (next) setActive(next);
  };
  const compare = () => picked.length > 1 && go(comparePath(project, picked));
  const page = useRef<HTMLDivElement>(null);
  const scrollUp = () => page.current?.querySelector(".grid")?.scrollTo(0, 0);
  useEffect(scrollUp, [question]);
  const toTop = () => {
    showAll();
    scrollUp();
  };
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    x: () => active && select(active, false),
    X: () => active && select(active, true),
    Enter: () => active && go(executionPath(project, String(table.at("counter", table.row(active) ?? -1)))),
    c: compare,
    Escape: () => setSelection(new Set()),
  });
  const hidden = state.columns.length - columns.length;
  return (
    <>
      <header class="page-head">
        <h1>{name}</h1>
        <span class="crumb">/ executions</span>
        <span class="grow" />
        <ColumnsPanel table={table} columns={state.columns} onColumns={(next) => setColumns(project, next)} />
        <button type="button" class="button" aria-pressed={state.differs} onClick={() => setQuery({ differs: state.differs ? null : "1" })}>
          Only what differs{state.differs && hidden > 0 ? ` · ${hidden} hidden` : ""}
        </button>
      </header>
      {loaded.value && table.count === 0 && <NoExecutions name={name} />}
      {loaded.value && table.count > 0 && (
        <>
          <FilterBox
            text={filter}
            table={table}
            count={`${rows.length === table.count ? plural(rows.length, "execution") : `${grouped(rows.length)} of ${grouped(table.count)}`}${link.value === "live" ? " · live" : ""}`}
            onChange={(q) => setQuery({ q: q || null })}
          />
          <div class="grid-room" ref={page}>
            {fresh > 0 && (
              <button type="button" class="fresh" onClick={toTop}>
                {fresh} new
              </button>
            )}
            {rows.length === 0 ? (
              <p class="empty-note">
                No execution fits this filter. <button type="button" class="text-button" onClick={() => setQuery({ q: null })}>Show all {grouped(table.count)}</button>
              </p>
            ) : (
              <Grid
                project={project}
                table={table}
                version={changed}
                ids={ids}
                columns={columns}
                sort={sort}
                selection={selection}
                active={active}
                onSort={(column) => setSort(project, clicked(sort, column, isWord(column)))}
                onColumns={(next) => setColumns(project, next)}
                onSelect={select}
                onSelectAll={() => setSelection(picked.length < ids.length ? new Set(ids) : new Set())}
                onActive={setActive}
                onScrolled={setAway}
              />
            )}
          </div>
          {table.leftOut.parameters + table.leftOut.metrics > 0 && (
            <p class="soft">
              {table.leftOut.parameters} parameters and {table.leftOut.metrics} metrics that few executions have are not in this list; an execution's own page shows all.
            </p>
          )}
          <ActionBar
            ids={picked}
            open={picked.filter((id) => OPEN.has(String(table.at("status", table.row(id) ?? -1)))).length}
            tags={[...new Set(picked.flatMap((id) => (table.at("tags", table.row(id) ?? -1) as string[] | null) ?? []))].sort()}
            onCompare={compare}
            onClear={() => setSelection(new Set())}
          />
        </>
      )}
    </>
  );
}

function isWord(column: string): boolean {
  return ["status", "step", "title", "creator", "commit", "image", "environment", "error"].includes(heading(column).group ? "" : column);
}

/** Rows stay where they are while somebody has scrolled; a new filter or order is shown at once. */
function useSettled(wanted: readonly string[], question: string) {
  const [away, setAway] = useState(false);
  const [, again] = useState(0);
  const kept = useRef({ ids: wanted, question });
  const held = away && kept.current.question === question;
  const { ids, fresh } = settled(kept.current.ids, wanted, held);
  kept.current = { ids, question };
  const showAll = () => {
    kept.current = { ids: wanted, question };
    setAway(false);
    again((count) => count + 1);
  };
  return { ids, fresh, setAway, showAll };
}
