import { useEffect, useMemo, useState } from "preact/hooks";
import { Parallel } from "../charts/parallel";
import { axisOf, within, type Brushes } from "../lib/axes";
import { direction } from "../lib/better";
import { duration, number, value } from "../lib/format";
import { comparePath, executionPath } from "../lib/route";
import { asFailure, get, post, type Failure } from "../net/api";
import { Running } from "../parts/clock";
import { note } from "../parts/notes";
import { Mark } from "../parts/status";
import { Trouble } from "../parts/trouble";
import { query, setQuery } from "../shell/router";
import { useTitle } from "../shell/title";
import { ChildTable } from "./child-table";
import { bestOf, ended, judged, metricsOf, sweptOf, type Child, type Task } from "./task";
import { useChanges } from "./use-changes";

const AXES = 8; // metrics beside the swept parameters
const COMPARED = 20;

/** One sweep: how far it is, what is best so far, and what led there. */
export function TaskPage({ project, reference }: { project: string; reference: string }) {
  const [task, setTask] = useState<Task | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const changes = useChanges(project);
  useTitle(task ? `Task #${task.counter} ${task.name}` : "Task");
  useEffect(() => {
    get<Task>(`/page/tasks/${encodeURIComponent(reference)}/?project=${encodeURIComponent(project)}`).then(setTask, (error) => setFailure(asFailure(error)));
  }, [project, reference, changes]);
  if (failure && !task) {
    return (
      <section class="page">
        <Trouble failure={failure} />
      </section>
    );
  }
  return task && <Sweep task={task} project={project} />;
}

function Sweep({ task, project }: { task: Task; project: string }) {
  const [brushes, setBrushes] = useState<Brushes>(new Map());
  const children = task.executions;
  const metrics = useMemo(() => metricsOf(children), [children]);
  const swept = useMemo(() => sweptOf(children), [children]);
  const target = task.plan?.target ?? null;
  const chosen = query.value.get("by");
  const metric = chosen !== null && metrics.includes(chosen) ? chosen : judged(metrics, typeof target === "string" ? target : (target?.metric ?? target?.name ?? null));
  const asked = query.value.get("way");
  const way = asked === "less" || asked === "more" ? asked : (direction(metric ?? "") ?? "more");
  const best = bestOf(children, metric, way);
  const axes = useMemo(() => {
    const last = metric === null ? [] : [metric];
    const others = metrics.filter((key) => key !== metric && new Set(children.map((child) => child.metadata[key])).size > 1).slice(0, AXES);
    return [
      ...swept.map((name) => axisOf(name, children.map((child) => child.parameters[name] ?? null))),
      ...[...others, ...last].map((key) => axisOf(key, children.map((child) => numberOf(child.metadata[key])))),
    ];
  }, [children, metric]);
  const kept = within(axes, brushes, children.length);
  const shown = children.filter((_child, index) => kept[index]);
  return (
    <section class="page">
      <header class="page-head">
        <a class="crumb" href={`/p/${encodeURIComponent(project)}/tasks/`}>
          {task.project} / tasks /
        </a>
        <h1>
          #{task.counter} {task.name}
        </h1>
        <span class={`state state-${task.status}`} role="status">
          <Mark status={task.status} />
          {task.status} · {ended(task)} of {task.count}
          {task.finished ? ` · ${duration(task.duration)}` : <> · <Running since={task.created} /></>}
        </span>
        <span class="grow" />
        {!task.finished && <Stop task={task} />}
        {shown.length > 1 && (
          <a class="button main" href={comparePath(project, shown.slice(0, COMPARED).map((child) => child.id))}>
            Compare {Math.min(shown.length, COMPARED)}
          </a>
        )}
      </header>
      {!task.finished && <progress class="progress" max={task.count} value={ended(task)} aria-label={`${ended(task)} of ${task.count} executions have ended`} />}
      {task.error && <p class="warning">{task.error}</p>}
      {best !== null && metric !== null && children[best] && <Best said={task.finished ? "Best" : "Best so far"} child={children[best]} metric={metric} swept={swept} project={project} />}
      <div class="chart-tools">
        <label>
          best by{" "}
          <select class="field small" value={metric ?? ""} onChange={(event) => setQuery({ by: event.currentTarget.value, way: null })}>
            {metrics.map((key) => (
              <option key={key}>{key}</option>
            ))}
          </select>
        </label>
        <label>
          where{" "}
          <select class="field small" value={way} onChange={(event) => setQuery({ way: event.currentTarget.value })}>
            <option value="more">more is better</option>
            <option value="less">less is better</option>
          </select>
        </label>
        {brushes.size > 0 && (
          <button type="button" class="text-button" onClick={() => setBrushes(new Map())}>
            {shown.length} of {children.length} kept: show all
          </button>
        )}
      </div>
      {axes.length > 1 && (
        <div class="panel">
          <Parallel axes={axes} count={children.length} brushes={brushes} onBrush={setBrushes} best={best} />
        </div>
      )}
      <ChildTable project={project} executions={shown} swept={swept} metrics={metrics} metric={metric} way={way} />
    </section>
  );
}

function Best({ said, child, metric, swept, project }: { said: string; child: Child; metric: string; swept: readonly string[]; project: string }) {
  return (
    <p class="best">
      <span class="soft">{said}</span>{" "}
      <a href={executionPath(project, String(child.counter))}>#{child.counter}</a>{" "}
      <span class="cell-best">
        {metric} {number(Number(child.metadata[metric]))}
      </span>{" "}
      <span class="mono">{swept.map((name) => `${name}=${value(child.parameters[name])}`).join("  ")}</span>
    </p>
  );
}

function Stop({ task }: { task: Task }) {
  const [asked, setAsked] = useState(task.status === "stopping");
  const stop = async () => {
    setAsked(true);
    try {
      await post(`/page/tasks/${task.id}/stop/`);
    } catch (error) {
      setAsked(false);
      note(asFailure(error).message, "bad");
    }
  };
  return (
    <button type="button" class="button" disabled={asked} onClick={() => void stop()}>
      {asked ? "Stopping…" : "Stop"}
    </button>
  );
}

function numberOf(given: unknown): number | null {
  return typeof given === "number" ? given : null;
}
