/** Keys that work anywhere on a page but in fields: the page on top says what they do. */
import { useEffect, useRef } from "preact/hooks";

export type Keys = Record<string, (event: KeyboardEvent) => void>;

const layers: { current: Keys }[] = [];
let begun: string | null = null;

/** While the component is there, these keys do this: `j`, `Enter`, `g l` (one after the other). */
export function useKeys(keys: Keys): void {
  const layer = useRef(keys);
  layer.current = keys;
  useEffect(() => {
    layers.push(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
    };
  }, []);
}

export function beginKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isField(event.target)) return;
    if ((event.key === "Enter" || event.key === " ") && (event.target as Element | null)?.closest?.("a, button, summary")) return;
    const name = begun ? `${begun} ${event.key}` : event.key;
    begun = null;
    for (const layer of [...layers].reverse()) {
      const act = layer.current[name];
      if (act) {
        event.preventDefault();
        act(event);
        return;
      }
    }
    if (layers.some((layer) => Object.keys(layer.current).some((key) => key.startsWith(`${event.key} `)))) begun = event.key;
  });
}

function isField(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  if (document.querySelector("dialog[open]")) return true;
  if (element instanceof HTMLInputElement) return element.type !== "checkbox" && element.type !== "radio";
  return element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement;
}
