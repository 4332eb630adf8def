import { useEffect, useState } from "preact/hooks";
import { asFailure, request, type Failure } from "../net/api";
import type { Output } from "./output";

export interface Loaded {
  text: string | null;
  failure: Failure | null;
  /** Only its beginning is here. */
  cut: boolean;
}

export const MOST_TEXT = 1_000_000; // bytes of a text that are fetched

/** The beginning of an output as text. */
export function useText(output: Output, most = MOST_TEXT): Loaded {
  const [loaded, setLoaded] = useState<Loaded>({ text: null, failure: null, cut: output.size > most });
  useEffect(() => {
    const end = new AbortController();
    const headers = { Range: `bytes=0-${Math.min(most, output.size) - 1}` };
    request("GET", `/page/outputs/${output.id}/`, undefined, { headers, signal: end.signal })
      .then((answer) => answer.text())
      .then((text) => setLoaded({ text, failure: null, cut: output.size > most }))
      .catch((error) => !end.signal.aborted && setLoaded({ text: null, failure: asFailure(error), cut: false }));
    return () => end.abort();
  }, [output.id]);
  return loaded;
}

/** An output as an address of this page; given back when the component goes. */
export function useBlob(output: Output): { url: string | null; failure: Failure | null } {
  const [state, setState] = useState<{ url: string | null; failure: Failure | null }>({ url: null, failure: null });
  useEffect(() => {
    const end = new AbortController();
    let url: string | null = null;
    request("GET", `/page/outputs/${output.id}/`, undefined, { signal: end.signal })
      .then((answer) => answer.blob())
      .then((blob) => {
        url = URL.createObjectURL(blob);
        setState({ url, failure: null });
      })
      .catch((error) => !end.signal.aborted && setState({ url: null, failure: asFailure(error) }));
    return () => {
      end.abort();
      if (url) URL.revokeObjectURL(url);
    };
  }, [output.id]);
  return state;
}
