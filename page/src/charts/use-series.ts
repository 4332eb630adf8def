import { useEffect, useState } from "preact/hooks";
import type { Series } from "../lib/series";
import { asFailure, get, type Failure } from "../net/api";

export interface Asked {
  ids: readonly string[];
  keys: readonly string[];
  x: string;
  range: [number, number] | null;
  /** Anything that tells that there is more: the curves are fetched anew, and stay while they are. */
  version: unknown;
}

const POINTS = 2000;
const KEYS_AT_ONCE = 20;

/** Curves from the server, by key; those before are shown until the new ones are here. */
export function useSeries({ ids, keys, x, range, version }: Asked): { series: ReadonlyMap<string, Series[]>; failure: Failure | null } {
  const [state, setState] = useState<{ series: ReadonlyMap<string, Series[]>; failure: Failure | null }>({ series: new Map(), failure: null });
  const question = JSON.stringify([ids, keys, x, range]);
  useEffect(() => {
    if (ids.length === 0 || keys.length === 0) return;
    const end = new AbortController();
    fetched(ids, keys, x, range, end.signal).then(
      (series) => setState({ series, failure: null }),
      (error) => !end.signal.aborted && setState((before) => ({ ...before, failure: asFailure(error) })),
    );
    return () => end.abort();
  }, [question, version]);
  return state;
}

async function fetched(ids: readonly string[], keys: readonly string[], x: string, range: Asked["range"], signal: AbortSignal): Promise<Map<string, Series[]>> {
  const found = new Map<string, Series[]>();
  for (let from = 0; from < keys.length; from += KEYS_AT_ONCE) {
    const words = new URLSearchParams({ x, points: String(POINTS) });
    for (const id of ids) words.append("ids", id);
    for (const key of keys.slice(from, from + KEYS_AT_ONCE)) words.append("y", key);
    if (range) {
      words.set("from", String(range[0]));
      words.set("to", String(range[1]));
    }
    const answer = await get<{ series: Series[] }>(`/page/series/?${words}`, signal);
    for (const series of answer.series) found.set(series.y, [...(found.get(series.y) ?? []), series]);
  }
  return found;
}
