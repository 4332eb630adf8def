/** Short words about what was just done, at the lower edge for some seconds. */
import { signal } from "@preact/signals";

interface Note {
  id: number;
  text: string;
  tone: "plain" | "bad";
}

const notes = signal<Note[]>([]);
let last = 0;

export function note(text: string, tone: Note["tone"] = "plain"): void {
  const id = (last += 1);
  notes.value = [...notes.value.slice(-2), { id, text, tone }];
  setTimeout(() => drop(id), tone === "bad" ? 12_000 : 3000);
}

function drop(id: number): void {
  notes.value = notes.value.filter((each) => each.id !== id);
}

export function Notes() {
  return (
    <div class="notes" role="status" aria-live="polite">
      {notes.value.map((each) => (
        <div key={each.id} class={`note note-${each.tone}`}>
          <span>{each.text}</span>
          <button type="button" class="plain" aria-label="Close" onClick={() => drop(each.id)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
