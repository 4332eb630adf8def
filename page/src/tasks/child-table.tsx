import type { Direction } from "../lib/better";
import { aligned, duration, plural, value } from "../lib/format";
import { executionPath } from "../lib/route";
import { Status } from "../parts/status";
import type { Child } from "./task";

const ROWS = 100; // more are in the list of executions, filtered by task

interface Props {
  project: string;
  executions: readonly Child[];
  swept: readonly string[];
  metrics: readonly string[];
  metric: string | null;
  way: Direction;
}

/** The executions of a sweep that the brushes keep, best first; also what the lines above say, as a table. */
export function ChildTable({ project, executions: children, swept, metrics, metric, way }: Props) {
  const rank = (child: Child): number => {
    const given = metric === null ? null : child.metadata[metric];
    return typeof given === "number" ? (way === "less" ? given : -given) : Infinity;
  };
  const ordered = [...children].sort((a, b) => rank(a) - rank(b) || a.number - b.number);
  const writers = metrics.map((key) => aligned(children.map((child) => child.metadata[key])));
  return (
    <>
      <div class="panel table-panel">
        <table class="simple">
          <thead>
            <tr>
              <th scope="col" class="right">
                #
              </th>
              <th scope="col">Status</th>
              {[...swept, ...metrics].map((name, index) => (
                <th key={`${index < swept.length ? "p" : "m"}.${name}`} scope="col" class="right">
                  {name}
                </th>
              ))}
              <th scope="col" class="right">
                Duration
              </th>
            </tr>
          </thead>
          <tbody>
            {ordered.slice(0, ROWS).map((child) => (
              <tr key={child.id}>
                <th scope="row" class="right">
                  <a href={executionPath(project, String(child.counter))}>{child.counter}</a>
                </th>
                <td>
                  <Status status={child.status} />
                </td>
                {swept.map((name) => (
                  <td key={name} class="right">
                    {value(child.parameters[name])}
                  </td>
                ))}
                {metrics.map((key, index) => (
                  <td key={key} class="right">
                    {writers[index]?.(child.metadata[key] ?? null)}
                  </td>
                ))}
                <td class="right">{duration(child.duration)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {ordered.length > ROWS && <p class="soft">The best {ROWS} of {plural(ordered.length, "execution")}: the list of executions has all, with task: in its filter.</p>}
    </>
  );
}
