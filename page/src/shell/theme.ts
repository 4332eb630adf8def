/** Light or dark: as the system says, or as somebody chose here. */
import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const KEY = "localhai.theme";
const NEXT: Record<Theme, Theme> = { system: "dark", dark: "light", light: "system" };

export const theme = signal<Theme>("system");

export function beginTheme(): void {
  const kept = read();
  theme.value = kept === "light" || kept === "dark" ? kept : "system";
  theme.subscribe((chosen) => {
    document.documentElement.dataset.theme = chosen;
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // not kept, still shown
    }
  });
}

export function turnTheme(): void {
  theme.value = NEXT[theme.value];
}

function read(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
