import { useState } from "preact/hooks";
import { note } from "./notes";

/** Copies text, also where a browser has no clipboard for addresses without https. */
export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "away";
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) return note(`this browser does not let the page copy: ${text}`, "bad");
  }
  note(`copied ${what}`);
}

/** A command to be copied with one click. */
export function Command({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const onClick = () => {
    void copy(text, "the command");
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <div class="command">
      <code>{text}</code>
      <button type="button" class="button small" onClick={onClick}>
        {copied ? "Copied" : "Copy"}
      </button>
    </div>
  );
}
