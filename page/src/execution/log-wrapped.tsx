import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { grouped } from "../lib/format";
import type { LogProps } from "./log-rows";
import { LogStretch } from "./log-stretch";

const WINDOW = 400; // lines that are drawn at once

/** A log with long lines wrapped: rows differ in height, so a stretch of it is drawn, with more on either side. */
export function LogWrapped({ model, times, marked, find, current, onNumber, follow, view, top, begun }: LogProps) {
  const root = useRef<HTMLDivElement>(null);
  const wanted = useRef<number | null>(null);
  const [start, setStart] = useState(() => Math.max(1, Math.min(top.current ?? 1, model.total.value - WINDOW + 1)));
  const total = model.total.value;
  void model.version.value;
  const from = follow.value ? Math.max(1, total - WINDOW + 1) : start;
  const to = Math.min(total, from + WINDOW - 1);
  view.current = {
    show: (n) => {
      wanted.current = n;
      setStart(Math.max(1, Math.min(n - WINDOW / 2, total - WINDOW + 1)));
    },
  };
  useEffect(() => model.want(from, to), [from, to]);
  useEffect(() => {
    view.current?.show(!begun.current && marked ? marked.from : (top.current ?? 1));
    begun.current = true;
  }, []);
  useLayoutEffect(() => {
    const element = root.current;
    if (follow.value && element) element.scrollTop = element.scrollHeight;
    else if (wanted.current !== null) {
      element?.querySelector(`[data-line="${wanted.current}"]`)?.scrollIntoView({ block: "center" });
      wanted.current = null;
    }
  });
  const move = (line: number) => {
    follow.value = false;
    setStart(Math.max(1, Math.min(line, total - WINDOW + 1)));
  };
  const onWheel = (event: WheelEvent) => {
    if (event.deltaY < 0) follow.value = false;
  };
  const onScroll = () => {
    const box = root.current?.getBoundingClientRect();
    const line = box && document.elementFromPoint(box.left + 20, box.top + 12)?.closest<HTMLElement>("[data-line]");
    if (line) top.current = Number(line.dataset.line);
  };
  return (
    <div class="log-box log-scroll log-wrap" ref={root} style={{ "--digits": String(total).length }} tabIndex={0} role="log" aria-label="Log" aria-live="off" onWheel={onWheel} onScroll={onScroll}>
      {from > 1 && (
        <button type="button" class="log-more" onClick={() => move(from - WINDOW)}>
          {grouped(from - 1)} lines before
        </button>
      )}
      <LogStretch from={from} to={to} model={model} times={times} marked={marked} find={find} current={current} onNumber={onNumber} />
      {to < total && (
        <button type="button" class="log-more" onClick={() => move(to + 1)}>
          {grouped(total - to)} lines after
        </button>
      )}
    </div>
  );
}
