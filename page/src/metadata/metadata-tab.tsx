import { useEffect, useRef, useState } from "preact/hooks";
import { Charts } from "../charts/charts";
import { number, plural, value } from "../lib/format";
import { asFailure, get, type Failure } from "../net/api";
import { Trouble } from "../parts/trouble";
import type { Details } from "../execution/details";

interface Summary {
  events: number;
  keys: Record<string, { latest: unknown; min: number | null; max: number | null; count: number; numeric: boolean }>;
}

const PAUSE = 2000; // between two looks at what runs, in milliseconds
const LISTED = 500;

/** What the execution measured: a chart for each key, and all keys as a table. */
export function MetadataTab({ details }: { details: Details }) {
  const [summary, setSummary] = useState<Summary | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const seen = useRef(0);
  const load = () => {
    seen.current = Date.now();
    get<Summary>(`/page/metadata/${details.id}/`).then(setSummary, (error) => setFailure(asFailure(error)));
  };
  useEffect(() => {
    const timer = setTimeout(load, Math.max(0, seen.current + PAUSE - Date.now()));
    return () => clearTimeout(timer);
  }, [details]);
  if (failure && !summary) return <Trouble failure={failure} again={load} />;
  if (!summary) return null;
  const keys = Object.keys(summary.keys);
  if (keys.length === 0) return <NoMetadata />;
  const numeric = keys.filter((key) => summary.keys[key]?.numeric);
  return (
    <>
      {numeric.length > 0 && <Charts ids={[details.id]} names={new Map([[details.id, `#${details.counter}`]])} keys={numeric} version={summary.events} />}
      <div class="panel table-panel">
        <table class="simple">
          <thead>
            <tr>
              <th scope="col">Key</th>
              <th scope="col" class="right">
                Latest
              </th>
              <th scope="col" class="right">
                Min
              </th>
              <th scope="col" class="right">
                Max
              </th>
              <th scope="col" class="right">
                Lines
              </th>
            </tr>
          </thead>
          <tbody>
            {keys.slice(0, LISTED).map((key) => (
              <Row key={key} name={key} of={summary.keys[key]} />
            ))}
          </tbody>
        </table>
      </div>
      {keys.length > LISTED && <p class="soft">{plural(keys.length - LISTED, "more key")}</p>}
    </>
  );
}

function Row({ name, of }: { name: string; of: Summary["keys"][string] | undefined }) {
  if (!of) return null;
  return (
    <tr>
      <th scope="row" class="wrap">
        {name}
      </th>
      <td class="right wrap">{value(of.latest).slice(0, 200)}</td>
      <td class="right">{of.min === null ? "" : number(of.min)}</td>
      <td class="right">{of.max === null ? "" : number(of.max)}</td>
      <td class="right soft">{of.count}</td>
    </tr>
  );
}

function NoMetadata() {
  return (
    <div class="empty">
      <h2>It measured nothing</h2>
      <p>Each line of its output that is a JSON object becomes metadata, and a chart here:</p>
      <code>print(json.dumps({"{"}"epoch": 1, "accuracy": 0.9{"}"}))</code>
    </div>
  );
}
