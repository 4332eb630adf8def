import { useState } from "preact/hooks";
import { oneWord, words } from "../lib/words";
import { Trouble } from "../parts/trouble";
import { query, setQuery } from "../shell/router";
import { Chart, type ChartView } from "./chart";
import { KeyPicker } from "./key-picker";
import { useSeries } from "./use-series";

interface Props {
  ids: readonly string[];
  names: ReadonlyMap<string, string>;
  /** Keys that have numbers, in the order in which they are offered. */
  keys: readonly string[];
  version: unknown;
}

const SHOWN = 6; // charts before somebody chooses: more at once would hold up the tab
const X_KEYS = ["epoch", "step", "iteration", "batch"];
const WEIGHTS = [0, 0.3, 0.6, 0.9, 0.99];

/** A chart for each key that was chosen, over one x. All that was set is in the address. */
export function Charts({ ids, names, keys, version }: Props) {
  const [range, setRange] = useState<[number, number] | null>(null);
  const asked = query.value;
  const view: ChartView = {
    x: asked.get("x") ?? X_KEYS.find((key) => keys.includes(key)) ?? "line",
    logX: asked.get("logx") === "1",
    logY: asked.get("logy") === "1",
    smoothing: Math.max(0, Math.min(0.999, Number(asked.get("smooth") ?? 0) || 0)),
  };
  const chosen = asked.has("y") ? words(asked.get("y")) : keys.filter((key) => key !== view.x).slice(0, SHOWN);
  const { series, failure } = useSeries({ ids, keys: chosen, x: view.x, range, version });
  const looks = new Map(ids.map((id, index) => [id, index]));
  const choose = (next: readonly string[]) => setQuery({ y: oneWord(next) || null });
  return (
    <>
      <div class="chart-tools">
        <KeyPicker keys={keys} chosen={chosen} onChoose={choose} />
        <label>
          x{" "}
          <select
            class="field small"
            value={view.x}
            onChange={(event) => {
              setRange(null);
              setQuery({ x: event.currentTarget.value });
            }}
          >
            {["line", "time", "relative", ...keys].map((key) => (
              <option key={key} value={key}>
                {{ line: "line number", time: "time", relative: "seconds since its first line" }[key] ?? key}
              </option>
            ))}
          </select>
        </label>
        <label>
          smoothing{" "}
          <select class="field small" value={String(view.smoothing)} onChange={(event) => setQuery({ smooth: event.currentTarget.value === "0" ? null : event.currentTarget.value })}>
            {[...new Set([...WEIGHTS, view.smoothing])].sort((a, b) => a - b).map((weight) => (
              <option key={weight} value={String(weight)}>
                {weight === 0 ? "none" : weight}
              </option>
            ))}
          </select>
        </label>
        <button type="button" class="button small" aria-pressed={view.logX} onClick={() => setQuery({ logx: view.logX ? null : "1" })}>
          log x
        </button>
        <button type="button" class="button small" aria-pressed={view.logY} onClick={() => setQuery({ logy: view.logY ? null : "1" })}>
          log y
        </button>
      </div>
      {failure && <Trouble failure={failure} />}
      <div class="charts">
        {chosen.map((key) => (
          <Chart key={key} title={key} series={series.get(key) ?? NONE} view={view} names={names} looks={looks} range={range} onZoom={setRange} />
        ))}
      </div>
    </>
  );
}

const NONE: never[] = [];
