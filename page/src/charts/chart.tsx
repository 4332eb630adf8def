import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import { lineOf } from "../lib/csv";
import { grouped, number } from "../lib/format";
import { lookOf } from "../lib/palette";
import { downsampled, joined, valueAt, type Series } from "../lib/series";
import { theme } from "../shell/theme";
import { saveBlob } from "./save";
import { plot } from "./plot";

export interface ChartView {
  x: string;
  logX: boolean;
  logY: boolean;
  smoothing: number;
}

interface Props {
  title: string;
  series: readonly Series[];
  view: ChartView;
  /** What a curve is called, and its place among those that are shown: the same in all charts. */
  names: ReadonlyMap<string, string>;
  looks: ReadonlyMap<string, number>;
  range: [number, number] | null;
  onZoom: (range: [number, number] | null) => void;
}

const HEIGHT = 220;
const ROWS = 100; // of the table twin
const NAMED = 8; // curves whose values are told under a chart

/** Curves of one key: drag to look closer, point to read values; the same as a table below. */
export function Chart({ title, series, view, names, looks, range, onZoom }: Props) {
  const root = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const [width, setWidth] = useState(0);
  const [at, setAt] = useState<number | null>(null);
  const data = useMemo(() => joined(series, view.smoothing), [series, view.smoothing]);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    if (root.current) observer.observe(root.current);
    return () => observer.disconnect();
  }, []);
  const settings = { isTime: view.x === "time", logX: view.logX, logY: view.logY, group: "page", range };
  useEffect(() => {
    if (!root.current || width === 0) return;
    const made = plot(root.current, data, looks, { ...settings, width, height: HEIGHT, onZoom, onCursor: setAt });
    chart.current = made;
    return () => made.destroy();
  }, [data, width, view.logX, view.logY, view.x, range?.[0], range?.[1], theme.value]);
  const cut = downsampled(series);
  const place = at ?? data.x.length - 1;
  return (
    <figure class="panel chart" aria-label={title}>
      <figcaption class="chart-head">
        <h2 class="cut" title={title}>
          {title}
        </h2>
        <span class="grow" />
        {range && (
          <button type="button" class="text-button" onClick={() => onZoom(null)}>
            All of x
          </button>
        )}
        <button type="button" class="text-button" onClick={() => chart.current?.ctx.canvas.toBlob((blob) => blob && saveBlob(blob, `${title}.png`))}>
          PNG
        </button>
        <button type="button" class="text-button" onClick={() => saveBlob(new Blob([csv(title, view.x, series, names)], { type: "text/csv" }), `${title}.csv`)}>
          CSV
        </button>
      </figcaption>
      <div class="chart-plot" ref={root} onDblClick={() => onZoom(null)} />
      <p class="chart-values soft">
        {data.x.length === 0 && "No number in this range"}
        {data.x.length > 0 && `${view.x} ${xText(data.x[place], view.x)}: `}
        {data.curves.slice(0, NAMED).map((curve) => (
          <span key={curve.id} class="chart-value">
            <Swatch index={looks.get(curve.id) ?? 0} /> {names.get(curve.id)} {valueText(valueAt(curve.line, place))}
          </span>
        ))}
        {data.curves.length > NAMED && `${data.curves.length - NAMED} more`}
      </p>
      {cut && (
        <p class="soft chart-note">
          {grouped(cut.shown)} of {grouped(cut.total)} points, smallest and largest kept: drag over a range to see it in full
        </p>
      )}
      <Twin title={title} x={view.x} series={series} names={names} />
    </figure>
  );
}

/** The line of an execution in small: colour and dash. */
export function Swatch({ index }: { index: number }) {
  const { colour, dash } = lookOf(index);
  return (
    <svg class="swatch" width="18" height="6" aria-hidden="true">
      <line x1="0" y1="3" x2="18" y2="3" stroke-width="2.5" stroke-dasharray={dash.join(" ") || undefined} style={{ stroke: `var(${colour})` }} />
    </svg>
  );
}

function Twin({ title, x, series, names }: Pick<Props, "title" | "series" | "names"> & { x: string }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="chart-twin" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary class="soft">As a table</summary>
      {open && (
        <div class="preview-table" tabIndex={0}>
          <table class="simple">
            <thead>
              <tr>
                <th scope="col">Execution</th>
                <th scope="col" class="right">
                  {x}
                </th>
                <th scope="col" class="right">
                  {title}
                </th>
              </tr>
            </thead>
            <tbody>
              {series.flatMap((each) =>
                each.x.slice(-Math.ceil(ROWS / series.length)).map((value, index, last) => (
                  <tr key={`${each.id} ${index}`}>
                    <th scope="row">{names.get(each.id)}</th>
                    <td class="right">{xText(value ?? undefined, x)}</td>
                    <td class="right">{valueText(each.last[each.x.length - last.length + index] ?? null)}</td>
                  </tr>
                )),
              )}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

function xText(value: number | undefined, x: string): string {
  if (value === undefined) return "";
  return x === "time" ? new Date(value * 1000).toLocaleTimeString() : number(value);
}

function valueText(value: number | null): string {
  return value === null ? "gap" : number(value);
}

function csv(title: string, x: string, series: readonly Series[], names: ReadonlyMap<string, string>): string {
  const head = ["execution", x, title, "min", "max"];
  const rows = series.flatMap((each) => each.x.map((value, index) => [names.get(each.id), value, each.last[index], each.min[index], each.max[index]]));
  return [head, ...rows].map(lineOf).join("\n");
}
