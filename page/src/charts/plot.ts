/** uPlot told what to draw: the only place that knows it. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Joined, Value } from "../lib/series";
import { lookOf } from "../lib/palette";

export interface PlotSettings {
  width: number;
  height: number;
  isTime: boolean;
  logX: boolean;
  logY: boolean;
  /** Charts of one group move their cursors together. */
  group: string;
  range: [number, number] | null;
  onZoom: (range: [number, number] | null) => void;
  onCursor: (index: number | null) => void;
}

export function plot(element: HTMLElement, data: Joined, looks: ReadonlyMap<string, number>, settings: PlotSettings): uPlot {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const resolved = resolver(element);
  const columns: Value[][] = [];
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  const add = (values: Value[], shape: Partial<uPlot.Series>): number => {
    columns.push(values);
    return series.push({ spanGaps: false, points: { show: false }, ...shape }) - 1;
  };
  for (const curve of data.curves) {
    const { colour: name, dash } = lookOf(looks.get(curve.id) ?? 0);
    const ink = resolved(name);
    if (curve.band) {
      const upper = add(curve.band.max, { stroke: "transparent", width: 0 });
      const lower = add(curve.band.min, { stroke: "transparent", width: 0 });
      bands.push({ series: [upper, lower], fill: faded(ink, 0.16) });
    }
    if (curve.raw) add(curve.raw, { stroke: faded(ink, 0.3), width: 1 });
    add(curve.line, { stroke: ink, width: 1.75, dash, points: { show: lonely(curve.line), size: 5, fill: ink } });
  }
  const axis = { stroke: resolved("--soft"), font: `11px ${colour("--sans") || "sans-serif"}`, ticks: { show: false }, grid: { stroke: resolved("--line"), width: 1 } };
  return new uPlot(
    {
      width: settings.width,
      height: settings.height,
      legend: { show: false },
      scales: {
        x: { time: settings.isTime, distr: settings.logX ? 3 : 1, ...(settings.range ? { min: settings.range[0], max: settings.range[1], auto: false } : {}) },
        y: { distr: settings.logY ? 3 : 1 },
      },
      axes: [{ ...axis, grid: { show: false }, size: 28 }, { ...axis, size: 56, values: (_plot, splits) => splits.map((each) => (each === null ? "" : short(each))) }],
      series,
      bands,
      cursor: { sync: { key: settings.group, scales: ["x", null] }, drag: { x: true, y: false, setScale: false }, points: { show: false }, y: false },
      hooks: {
        setCursor: [(chart) => settings.onCursor(chart.cursor.idx ?? null)],
        setSelect: [
          (chart) => {
            if (chart.select.width < 8) return;
            settings.onZoom([chart.posToVal(chart.select.left, "x"), chart.posToVal(chart.select.left + chart.select.width, "x")]);
            chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
      },
    },
    [data.x, ...columns.map((column) => positive(column, settings.logY))] as uPlot.AlignedData,
    element,
  );
}

/** A colour of the style sheet as canvases take it: `light-dark()` is known to elements only. */
function resolver(element: HTMLElement): (name: string) => string {
  const probe = document.createElement("span");
  element.append(probe);
  queueMicrotask(() => probe.remove());
  return (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
}

function faded(rgb: string, alpha: number): string {
  return rgb.replace(/^rgba?\(([^)]+)\)$/, (_all, parts: string) => `rgba(${parts.split(/[ ,/]+/).slice(0, 3).join(", ")}, ${alpha})`);
}

/** What a logarithm has no place for is a gap. */
function positive(values: Value[], log: boolean): Value[] {
  return log ? values.map((value) => (typeof value === "number" && value <= 0 ? null : value)) : values;
}

/** A curve of so few points that a line between them would not be seen. */
function lonely(values: Value[]): boolean {
  return values.filter((value) => typeof value === "number").length < 3;
}

function short(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return value.toExponential(1).replace("e+", "e");
  return String(Number(value.toPrecision(4)));
}
