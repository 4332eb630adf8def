import { signal } from "@preact/signals";
import { ago, clock, moment } from "../lib/format";

/** Now, in steps of a second while somebody looks. */
export const now = signal(Date.now());

setInterval(() => {
  if (document.visibilityState === "visible") now.value = Date.now();
}, 1000);
document.addEventListener("visibilitychange", () => (now.value = Date.now()));

/** How long something has been running. */
export function Running({ since }: { since: string }) {
  return <>{clock((now.value - Date.parse(since)) / 1000)}</>;
}

/** A time as its distance from now, in full when pointed at. */
export function Ago({ at }: { at: string | null | undefined }) {
  if (!at) return <span class="soft">—</span>;
  return (
    <time dateTime={at} title={moment(at)}>
      {ago(at, now.value)}
    </time>
  );
}
