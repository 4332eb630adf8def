import { signal } from "@preact/signals";
import { Dialog } from "../parts/dialog";
import { useKeys } from "./keys";

const KEYS: [string, string][] = [
  ["/", "filter, or search in a log"],
  ["j  k", "next row, row before"],
  ["x", "select the row; Shift selects all up to it"],
  ["Enter", "open the row"],
  ["c", "compare what is selected"],
  ["g d", "details of an execution"],
  ["g l", "its log"],
  ["g m", "its metadata: curves"],
  ["g o", "its outputs"],
  ["n  N", "next match in a log, match before"],
  ["u", "back to the list"],
  ["?", "this"],
];

export const help = signal(false);

export function Help() {
  useKeys({ "?": () => (help.value = true) });
  if (!help.value) return null;
  return (
    <Dialog title="Keys" onClose={() => (help.value = false)}>
      <dl class="keys">
        {KEYS.map(([keys, meaning]) => (
          <div key={keys}>
            <dt>
              {keys.split(/  /).map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <div class="dialog-buttons">
        <button type="button" class="button main" onClick={() => (help.value = false)}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
