import { useEffect, useRef, useState } from "preact/hooks";
import { tableOf } from "../executions/table-model";

const PAUSE = 2000; // milliseconds between two looks

/** A number that grows when executions of a project have changed, not too often: for what the stream has no topic of. */
export function useChanges(project: string): number {
  const model = tableOf(project);
  const version = model.version.value;
  const [told, tell] = useState(0);
  const last = useRef(0);
  useEffect(() => model.use(), [model]);
  useEffect(() => {
    const timer = setTimeout(() => {
      last.current = Date.now();
      tell(version);
    }, Math.max(0, last.current + PAUSE - Date.now()));
    return () => clearTimeout(timer);
  }, [version]);
  return told;
}
