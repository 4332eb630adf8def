import { useMemo, useState } from "preact/hooks";
import { Parallel } from "../charts/parallel";
import { axisOf, within, type Brushes } from "../lib/axes";
import { executionPath } from "../lib/route";
import type { Compared } from "./compare-rows";

const AXES = 14;
const NAMED = 60;

/** Parameters and metrics that differ, side by side; below which executions the brushes keep. */
export function ParallelTab({ project, compared }: { project: string; compared: Compared }) {
  const [brushes, setBrushes] = useState<Brushes>(new Map());
  const { executions } = compared;
  const axes = useMemo(() => {
    const rows = compared.rows.filter((row) => row.differs && (row.group === "parameters" || row.group === "metrics"));
    return rows.slice(0, AXES).map((row) => axisOf(row.name, row.values));
  }, [compared]);
  if (axes.length < 2) return <p class="empty-note">Parallel coordinates need two parameters or metrics that differ.</p>;
  const kept = within(axes, brushes, executions.length);
  const shown = executions.filter((_each, index) => kept[index]);
  return (
    <>
      <div class="panel">
        <Parallel axes={axes} count={executions.length} brushes={brushes} onBrush={setBrushes} best={null} />
      </div>
      <p>
        <span class="soft">
          {shown.length} of {executions.length}:{" "}
        </span>
        {shown.slice(0, NAMED).map((each) => (
          <a key={each.id} class="kept" href={executionPath(project, String(each.counter))}>
            #{each.counter}
          </a>
        ))}
      </p>
    </>
  );
}
