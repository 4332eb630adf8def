import { number, value } from "../lib/format";
import type { Details } from "./details";
import { Fact, Panel } from "./panel";

const MOST = 40;

/** The last value of each metric, and between which it moved. */
export function MetricsPanel({ details }: { details: Details }) {
  const keys = Object.keys(details.metrics ?? {});
  if (keys.length === 0) return null;
  return (
    <Panel title="Metrics">
      <dl class="facts">
        {keys.slice(0, MOST).map((key) => {
          const { latest, min, max, count } = details.metrics[key] ?? { latest: null, min: null, max: null, count: 0 };
          return (
            <Fact key={key} name={key} title={value(latest)}>
              <span class="mono">{value(latest)}</span>
              {min !== null && max !== null && min !== max && (
                <span class="soft aside">
                  {number(min)} to {number(max)} in {count} lines
                </span>
              )}
            </Fact>
          );
        })}
      </dl>
      {keys.length > MOST && <p class="soft">{keys.length - MOST} more</p>}
    </Panel>
  );
}
