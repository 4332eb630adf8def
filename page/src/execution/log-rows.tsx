import type { Signal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Lines } from "../lib/lines";
import { firstRow, offsetOf, seen } from "../lib/virtual";
import type { LogModel } from "./log-model";
import { LogStretch } from "./log-stretch";

export const LINE = 20;

/** What the tools of a log ask of however it is shown. */
export interface LogView {
  show(n: number): void;
}

export interface LogProps {
  model: LogModel;
  times: boolean;
  marked: Lines | null;
  find: RegExp | null;
  current: number | null;
  onNumber: (n: number, shift: boolean) => void;
  follow: Signal<boolean>;
  view: RefObject<LogView | null>;
  /** The line at the upper edge. */
  top: RefObject<number>;
  /** Whether the lines of the address were shown: only once, then a person goes where they like. */
  begun: RefObject<boolean>;
}

/** A log as rows of one height: a million lines cost as much as a screen of them. */
export function LogRows({ model, times, marked, find, current, onNumber, follow, view, top, begun }: LogProps) {
  const root = useRef<HTMLDivElement>(null);
  const [start] = useState(top.current ?? 1); // where one was before it was unwrapped
  const [scrolled, setScrolled] = useState({ top: 0, height: 600 });
  const ours = useRef(-1); // where we scrolled to: any other place was chosen by a person
  const total = model.total.value;
  void model.version.value;
  const scrollTo = (offset: number) => {
    const element = root.current;
    if (!element) return;
    element.scrollTop = offset;
    ours.current = element.scrollTop;
    setScrolled({ top: element.scrollTop, height: element.clientHeight });
  };
  const show = (n: number) => {
    const height = root.current?.clientHeight ?? 0;
    scrollTo(offsetOf(Math.max(0, n - 1 - Math.floor(height / LINE / 3)), height, LINE, model.total.value));
  };
  view.current = { show };
  const onScroll = () => {
    const element = root.current;
    if (!element) return;
    const end = element.scrollHeight - element.clientHeight - element.scrollTop < LINE;
    if (Math.abs(element.scrollTop - ours.current) > 1) follow.value = end;
    ours.current = -1;
    setScrolled({ top: element.scrollTop, height: element.clientHeight });
  };
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => root.current && setScrolled({ top: root.current.scrollTop, height: root.current.clientHeight }));
    if (root.current) observer.observe(root.current);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (follow.value) scrollTo(Number.MAX_SAFE_INTEGER);
  }, [total, follow.value, scrolled.height]);
  useEffect(() => {
    if (!begun.current && marked) show(marked.from);
    else if (!follow.value) scrollTo(offsetOf(start - 1, root.current?.clientHeight ?? 0, LINE, total));
    begun.current = true;
  }, []);
  const shown = seen(scrolled.top, scrolled.height, LINE, total, 20);
  top.current = Math.floor(firstRow(scrolled.top, scrolled.height, LINE, total)) + 1;
  useEffect(() => model.want(shown.from + 1, shown.to), [shown.from, shown.to, total]);
  return (
    <div class="log-box log-scroll" ref={root} style={{ "--digits": String(total).length }} onScroll={onScroll} tabIndex={0} role="log" aria-label="Log" aria-live="off">
      <div class="log-space" style={{ height: `${shown.height}px` }}>
        <div class="log-rows" style={{ transform: `translateY(${shown.top}px)` }}>
          <LogStretch from={shown.from + 1} to={shown.to} model={model} times={times} marked={marked} find={find} current={current} onNumber={onNumber} />
        </div>
      </div>
    </div>
  );
}
