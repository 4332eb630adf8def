import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { within, type Axis, type Brush, type Brushes } from "../lib/axes";
import { theme } from "../shell/theme";

interface Props {
  axes: readonly Axis[];
  /** How many lines there are. */
  count: number;
  brushes: Brushes;
  onBrush: (brushes: Brushes) => void;
  /** The line that is drawn above all others. */
  best: number | null;
}

const HEIGHT = 280;
const EDGE = { side: 64, top: 34, bottom: 14 };
const LEAST = 104; // pixels between two axes

/** A line for each execution through its values; dragging along an axis keeps those that pass there. */
export function Parallel({ axes, count, brushes, onBrush, best }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const room = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState(0);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setSeen(Math.floor(entry?.contentRect.width ?? 0)));
    if (room.current) observer.observe(room.current);
    return () => observer.disconnect();
  }, []);
  const width = Math.max(seen, (axes.length - 1) * LEAST + 2 * EDGE.side);
  const left = (index: number): number => EDGE.side + (axes.length > 1 ? (index * (width - 2 * EDGE.side)) / (axes.length - 1) : 0);
  const top = (place: number): number => HEIGHT - EDGE.bottom - place * (HEIGHT - EDGE.top - EDGE.bottom);
  const kept = useMemo(() => within(axes, brushes, count), [axes, brushes, count]);
  useEffect(() => {
    if (canvas.current && seen > 0) draw(canvas.current, width, axes, kept, best, left, top);
  }, [axes, kept, width, seen > 0, best, theme.value]);
  const set = (name: string, brush: Brush | null) => {
    const next = new Map(brushes);
    if (brush) next.set(name, brush);
    else next.delete(name);
    onBrush(next);
  };
  return (
    <div class="parallel" ref={room} tabIndex={0} role="group" aria-label="Parallel coordinates; the table below says the same">
      <div class="parallel-inner" style={{ width: `${width}px`, height: `${HEIGHT}px` }}>
        <canvas ref={canvas} style={{ width: `${width}px`, height: `${HEIGHT}px` }} aria-hidden="true" />
        {axes.map((axis, index) => (
          <AxisView key={axis.name} axis={axis} left={left(index)} top={top} brush={brushes.get(axis.name) ?? null} onBrush={(brush) => set(axis.name, brush)} />
        ))}
      </div>
    </div>
  );
}

interface AxisProps {
  axis: Axis;
  left: number;
  top: (place: number) => number;
  brush: Brush | null;
  onBrush: (brush: Brush | null) => void;
}

function AxisView({ axis, left, top, brush, onBrush }: AxisProps) {
  const begin = (event: PointerEvent) => {
    const track = event.currentTarget as HTMLElement;
    track.setPointerCapture(event.pointerId);
    const place = (each: PointerEvent): number => {
      const box = track.getBoundingClientRect();
      return Math.max(0, Math.min(1, 1 - (each.clientY - box.top) / box.height));
    };
    const start = place(event);
    const move = (each: PointerEvent) => onBrush([Math.min(start, place(each)), Math.max(start, place(each))]);
    const end = (each: PointerEvent) => {
      track.removeEventListener("pointermove", move);
      if (Math.abs(place(each) - start) < 0.01) onBrush(null);
    };
    track.addEventListener("pointermove", move);
    track.addEventListener("pointerup", end, { once: true });
  };
  return (
    <div class="parallel-axis" style={{ left: `${left}px` }}>
      <div class="parallel-name cut" title={axis.name}>
        {axis.name}
      </div>
      <div class="parallel-track" style={{ top: `${top(1)}px`, height: `${top(0) - top(1)}px` }} onPointerDown={begin} title="Drag to keep what passes here; click to keep all">
        {brush && <div class="parallel-brush" style={{ bottom: `${brush[0] * 100}%`, height: `${Math.max(1, (brush[1] - brush[0]) * 100)}%` }} />}
      </div>
      {axis.marks.map((mark) => (
        <span key={mark.text} class="parallel-mark" style={{ top: `${top(mark.place) - 8}px` }}>
          {mark.text}
        </span>
      ))}
    </div>
  );
}

function draw(
  canvas: HTMLCanvasElement,
  width: number,
  axes: readonly Axis[],
  kept: readonly boolean[],
  best: number | null,
  left: (index: number) => number,
  top: (place: number) => number,
): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const stroke = (which: (index: number) => boolean, colour: string, alpha: number, wide: number) => {
    context.beginPath();
    kept.forEach((_keep, index) => which(index) && trace(context, axes, index, left, top));
    context.strokeStyle = colour;
    context.globalAlpha = alpha;
    context.lineWidth = wide;
    context.stroke();
  };
  const many = kept.filter(Boolean).length;
  stroke((index) => !kept[index], style.borderTopColor, 0.5, 1);
  stroke((index) => kept[index] === true && index !== best, style.color, many > 1000 ? 0.15 : many > 100 ? 0.4 : 0.75, 1.25);
  if (best !== null) stroke((index) => index === best, style.outlineColor, 1, 2.5);
}

/** The line of one execution, with gaps where it has no value. */
function trace(context: CanvasRenderingContext2D, axes: readonly Axis[], index: number, left: (index: number) => number, top: (place: number) => number): void {
  let down = false;
  axes.forEach((axis, at) => {
    const place = axis.places[index] ?? null;
    if (place === null) down = false;
    else if (down) context.lineTo(left(at), top(place));
    else {
      context.moveTo(left(at), top(place));
      down = true;
    }
  });
}
