import { useEffect, useMemo } from "preact/hooks";
import { plural } from "../lib/format";
import { Trouble } from "../parts/trouble";
import type { Details } from "./details";
import { LogLines } from "./log-lines";
import { LogModel, type LogLine } from "./log-model";

const LINES = 12;

/** The last lines of the log, live, under the details. */
export function LogTail({ details, href }: { details: Details; href: string }) {
  const model = useMemo(() => new LogModel(details.id), [details.id]);
  useEffect(() => model.use(), [model]);
  const total = model.total.value;
  void model.version.value;
  const lines: LogLine[] = [];
  for (let n = Math.max(1, total - LINES + 1); n <= total; n += 1) {
    const line = model.line(n);
    if (line) lines.push(line);
  }
  if (model.failure.value) return <Trouble failure={model.failure.value} />;
  if (!model.loaded.value) return null;
  return (
    <section class="log-tail" aria-label="End of the log">
      <div class="section-head">
        <h2>Log</h2>
        <a href={href}>{total > LINES ? `all ${plural(total, "line")}` : "open"}</a>
      </div>
      <div class="log-box">{lines.length > 0 ? <LogLines lines={lines} /> : <p class="log-none">{model.complete.value ? "It wrote nothing." : "Nothing written yet."}</p>}</div>
    </section>
  );
}
