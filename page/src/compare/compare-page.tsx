import { useEffect, useState } from "preact/hooks";
import { Swatch } from "../charts/chart";
import { Charts } from "../charts/charts";
import { plural } from "../lib/format";
import { executionPath, executionsPath } from "../lib/route";
import { words } from "../lib/words";
import { asFailure, get, type Failure } from "../net/api";
import { copy } from "../parts/copy";
import { Trouble } from "../parts/trouble";
import { findProject } from "../projects/projects";
import { query, setQuery } from "../shell/router";
import { useTitle } from "../shell/title";
import { CompareTable } from "./compare-table";
import type { Compared } from "./compare-rows";
import { ParallelTab } from "./parallel-tab";
import { Scatter } from "./scatter";

const TABS = { table: "Table", curves: "Curves", scatter: "Scatter", parallel: "Parallel" } as const;
const CURVES = 100; // executions whose curves are drawn
const NAMED = 24;

/** Executions beside one another. */
export function ComparePage({ project }: { project: string }) {
  const found = findProject(project);
  const refs = query.value.get("ids") ?? "";
  const [compared, setCompared] = useState<Compared | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  useTitle("Compare");
  const id = found?.id ?? project;
  useEffect(() => {
    if (words(refs).length === 0) return;
    const end = new AbortController();
    get<Compared>(`/page/compare/?ids=${encodeURIComponent(refs)}&project=${encodeURIComponent(id)}`, end.signal).then(
      (answer) => {
        setCompared(answer);
        setFailure(null);
      },
      (error) => !end.signal.aborted && setFailure(asFailure(error)),
    );
    return () => end.abort();
  }, [refs, id]);
  if (words(refs).length === 0) {
    return (
      <section class="empty">
        <h1>Nothing to compare yet</h1>
        <p>
          Select two or more rows <a href={executionsPath(project)}>of the executions</a> with x, then press c.
        </p>
      </section>
    );
  }
  if (failure) {
    return (
      <section class="page">
        <Trouble failure={failure} />
      </section>
    );
  }
  return compared && <Comparison project={project} name={found?.name ?? ""} compared={compared} />;
}

function Comparison({ project, name, compared }: { project: string; name: string; compared: Compared }) {
  const asked = query.value.get("tab");
  const tab = asked !== null && asked in TABS ? asked : "table";
  const { executions } = compared;
  const base = Math.max(0, executions.findIndex((each) => [each.id, String(each.counter)].includes(query.value.get("base") ?? "")));
  const names = new Map(executions.map((each) => [each.id, `#${each.counter}`]));
  const metrics = compared.rows.filter((row) => row.group === "metrics" && row.values.some((given) => typeof given === "number"));
  return (
    <section class="page">
      <header class="page-head">
        <h1>Compare</h1>
        <span class="crumb">
          / {plural(executions.length, "execution")} of <a href={executionsPath(project)}>{name}</a>
        </span>
        <span class="grow" />
        <button type="button" class="button" onClick={() => void copy(location.href, "the link")}>
          Copy link
        </button>
      </header>
      <div class="compare-names">
        {executions.slice(0, NAMED).map((each, index) => (
          <span key={each.id} class={index === base ? "compare-name is-base" : "compare-name"}>
            <Swatch index={index} />
            <a href={executionPath(project, String(each.counter))}>#{each.counter}</a>
            {index === base ? (
              <span class="soft">baseline</span>
            ) : (
              <button type="button" class="text-button" onClick={() => setQuery({ base: String(each.counter) })}>
                as baseline
              </button>
            )}
          </span>
        ))}
        {executions.length > NAMED && <span class="soft">{executions.length - NAMED} more</span>}
      </div>
      <nav class="tabs" aria-label="How they are compared">
        {Object.entries(TABS).map(([key, title]) => (
          <a key={key} href={tabHref(key)} aria-current={key === tab ? "page" : undefined}>
            {title}
          </a>
        ))}
      </nav>
      {tab === "table" && <CompareTable project={project} compared={compared} base={base} />}
      {tab === "curves" && executions.length > CURVES && <p class="soft">The curves of the first {CURVES}.</p>}
      {tab === "curves" && <Charts ids={executions.slice(0, CURVES).map((each) => each.id)} names={names} keys={metrics.map((row) => row.name)} version={refsOf(compared)} />}
      {tab === "parallel" && <ParallelTab project={project} compared={compared} />}
      {tab === "scatter" && <Scatter project={project} compared={compared} />}
    </section>
  );
}

function tabHref(tab: string): string {
  const next = new URLSearchParams(query.value);
  if (tab === "table") next.delete("tab");
  else next.set("tab", tab);
  return `?${next.toString().replaceAll("%2C", ",")}`;
}

function refsOf(compared: Compared): string {
  return compared.executions.map((each) => each.id).join();
}
