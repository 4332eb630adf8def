import { Line } from "./log-line";
import type { LogLine } from "./log-model";

/** A few lines as they are. */
export function LogLines({ lines }: { lines: readonly LogLine[] }) {
  return (
    <div class="log-rows">
      {lines.map((line) => (
        <Line key={line.n} line={line} n={line.n} times={false} marked={false} current={false} find={null} />
      ))}
    </div>
  );
}
