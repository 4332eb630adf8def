import { useEffect } from "preact/hooks";

/** What the browser's tab is named. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · localhai` : "localhai";
  }, [title]);
}
