/** The address as signals. All state of a view is in its query, so that every view is a link. */
import { computed, signal } from "@preact/signals";
import { routeOf } from "../lib/route";

const address = signal(read());

export const path = computed(() => address.value.path);
export const query = computed(() => new URLSearchParams(address.value.query));
export const fragment = computed(() => address.value.hash);
export const route = computed(() => routeOf(path.value));

export function beginRouter(): void {
  addEventListener("popstate", () => (address.value = read()));
  addEventListener("hashchange", () => (address.value = read()));
  document.addEventListener("click", onClick);
}

export function go(href: string, replace = false): void {
  history[replace ? "replaceState" : "pushState"](null, "", href);
  address.value = read();
}

/** Changes words of the query in place; null takes one away. */
export function setQuery(changes: Record<string, string | null>): void {
  const next = new URLSearchParams(address.value.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString().replaceAll("%2C", ",").replaceAll("%40", "@").replaceAll("%3A", ":").replaceAll("%21", "!");
  go(`${location.pathname}${text ? `?${text}` : ""}${location.hash}`, true);
}

export function setFragment(hash: string): void {
  go(`${location.pathname}${location.search}${hash}`, true);
}

function read(): { path: string; query: string; hash: string } {
  return { path: location.pathname, query: location.search, hash: location.hash };
}

function onClick(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const anchor = (event.target as Element | null)?.closest?.("a");
  if (!anchor || anchor.target || anchor.hasAttribute("download") || anchor.origin !== location.origin) return;
  if (/^\/(api|page)\//.test(anchor.pathname)) return;
  event.preventDefault();
  const anew = anchor.pathname !== location.pathname;
  go(anchor.href);
  if (anew) document.getElementById("main")?.scrollTo(0, 0);
}
