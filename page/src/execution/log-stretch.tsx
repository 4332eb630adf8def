import { Line } from "./log-line";
import type { LogProps } from "./log-rows";

type Props = Pick<LogProps, "model" | "times" | "marked" | "find" | "current" | "onNumber"> & { from: number; to: number };

/** The lines of a log from one number to another, both included. */
export function LogStretch({ from, to, model, times, marked, find, current, onNumber }: Props) {
  const numbers = Array.from({ length: Math.max(0, to - from + 1) }, (_each, index) => from + index);
  return (
    <>
      {numbers.map((n) => (
        <Line
          key={n}
          n={n}
          line={model.line(n)}
          times={times}
          marked={marked !== null && n >= marked.from && n <= marked.to}
          current={n === current}
          find={find}
          onNumber={onNumber}
        />
      ))}
    </>
  );
}
