import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { number } from "../lib/format";
import { ticks } from "../lib/ticks";
import { executionPath } from "../lib/route";
import { query, setQuery } from "../shell/router";
import { numericColumns, type Compared } from "./compare-rows";

const HEIGHT = 420;
const NAMED = 40; // points; more names would cover one another
const EDGE = { left: 64, right: 16, top: 28, bottom: 48 };

/** Any parameter or metric against any; a point leads to its execution. */
export function Scatter({ project, compared }: { project: string; compared: Compared }) {
  const columns = numericColumns(compared);
  const names = [...columns.keys()];
  const differing = compared.rows.filter((row) => row.differs && columns.has(row.name));
  const x = named(query.value.get("x"), names) ?? differing.find((row) => row.group === "parameters")?.name ?? names[0];
  const y = named(query.value.get("y"), names) ?? differing.find((row) => row.group === "metrics")?.name ?? names[1];
  if (x === undefined || y === undefined) return <p class="empty-note">A scatter needs two parameters or metrics that are numbers.</p>;
  return (
    <>
      <div class="chart-tools">
        {(["x", "y"] as const).map((axis) => (
          <label key={axis}>
            {axis}{" "}
            <select class="field small" value={axis === "x" ? x : y} onChange={(event) => setQuery({ [axis]: event.currentTarget.value })}>
              {names.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        ))}
      </div>
      <div class="panel chart">
        <Points project={project} compared={compared} x={[x, columns.get(x) ?? []]} y={[y, columns.get(y) ?? []]} />
      </div>
    </>
  );
}

type Axis = [name: string, values: (number | null)[]];

function Points({ project, compared, x, y }: { project: string; compared: Compared; x: Axis; y: Axis }) {
  const room = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(960);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.max(240, Math.floor(entry?.contentRect.width ?? 960))));
    if (room.current) observer.observe(room.current);
    return () => observer.disconnect();
  }, []);
  const across = scale(x[1], EDGE.left, width - EDGE.right, width / 140);
  const up = scale(y[1], HEIGHT - EDGE.bottom, EDGE.top, 6);
  const missing = compared.executions.filter((_each, index) => x[1][index] == null || y[1][index] == null).length;
  return (
    <div ref={room}>
      <svg class="scatter" viewBox={`0 0 ${width} ${HEIGHT}`} role="group" aria-label={`${y[0]} against ${x[0]}`}>
        {up.ticks.map((at) => (
          <g key={at}>
            <line x1={EDGE.left} x2={width - EDGE.right} y1={up.place(at)} y2={up.place(at)} />
            <text x={EDGE.left - 8} y={up.place(at) + 4} text-anchor="end">
              {number(at)}
            </text>
          </g>
        ))}
        {across.ticks.map((at) => (
          <text key={at} x={across.place(at)} y={HEIGHT - EDGE.bottom + 18} text-anchor="middle">
            {number(at)}
          </text>
        ))}
        <text x={EDGE.left} y={14}>
          {y[0]}
        </text>
        <text x={(EDGE.left + width - EDGE.right) / 2} y={HEIGHT - 6} text-anchor="middle">
          {x[0]}
        </text>
        {compared.executions.map((each, index) => {
          const [left, top] = [x[1][index], y[1][index]];
          if (left == null || top == null) return null;
          const said = `#${each.counter} ${each.step}: ${x[0]} ${number(left)}, ${y[0]} ${number(top)}`;
          return (
            <a key={each.id} href={executionPath(project, String(each.counter))} aria-label={said}>
              <circle cx={across.place(left)} cy={up.place(top)} r="5" style={{ fill: `var(--series-${index % 7})` }}>
                <title>{said}</title>
              </circle>
              {compared.executions.length <= NAMED && (
                <text x={across.place(left) + 9} y={up.place(top) + 4}>
                  #{each.counter}
                </text>
              )}
            </a>
          );
        })}
      </svg>
      {missing > 0 && <p class="soft chart-note">{missing} have no such number and are not shown.</p>}
    </div>
  );
}

function scale(values: readonly (number | null)[], from: number, to: number, about: number): { place: (value: number) => number; ticks: number[] } {
  const numbers = values.filter((value): value is number => value !== null);
  let [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  [low, high] = [low - room, high + room];
  return { place: (value) => from + ((value - low) / (high - low)) * (to - from), ticks: ticks(low, high, about) };
}

function named(asked: string | null, names: readonly string[]): string | undefined {
  return names.find((name) => name === asked);
}
