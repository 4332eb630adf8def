import { executionPath } from "../lib/route";
import type { Details } from "./details";
import { ErrorPanel } from "./error-panel";
import { InputsPanel } from "./inputs-panel";
import { LogTail } from "./log-tail";
import { MetricsPanel } from "./metrics-panel";
import { ParametersPanel } from "./parameters-panel";
import { ParityPanel } from "./parity-panel";
import { RanAsPanel } from "./ran-as-panel";

/** What was run, with what, and what became of it. */
export function DetailsTab({ details, project, reference }: { details: Details; project: string; reference: string }) {
  return (
    <>
      <Waiting details={details} />
      <ErrorPanel details={details} />
      {details.files && <p class="warning">{details.files}</p>}
      <div class="panels">
        <div class="panels-column">
          <ParametersPanel details={details} />
          <MetricsPanel details={details} />
          <InputsPanel details={details} />
        </div>
        <div class="panels-column">
          <RanAsPanel details={details} />
          <ParityPanel details={details} />
        </div>
      </div>
      {details.truncated.length > 0 && <p class="soft">Too long to be shown whole: {details.truncated.join(", ")}. All of it: localhai execution info {details.counter} --json</p>}
      {details.last_lines.length === 0 && <LogTail details={details} href={executionPath(project, reference, "log")} />}
    </>
  );
}

function Waiting({ details }: { details: Details }) {
  if (!details.queue || details.started) return null;
  const { place, why } = details.queue;
  return (
    <p class="note-line">
      {place ? `Number ${place} in the queue` : "In the queue"}
      {why && `: ${why}`}
    </p>
  );
}
