import { useState } from "preact/hooks";
import { plural } from "../lib/format";
import { Dialog } from "../parts/dialog";
import { tagsOf } from "../parts/tags";
import { tagAll } from "./actions";

/** Adds tags to executions and takes some away that they have. */
export function TagDialog({ ids, tags, onClose }: { ids: readonly string[]; tags: readonly string[]; onClose: () => void }) {
  const [text, setText] = useState("");
  const [removed, setRemoved] = useState<ReadonlySet<string>>(new Set());
  const turn = (tag: string) => {
    const next = new Set(removed);
    if (!next.delete(tag)) next.add(tag);
    setRemoved(next);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    onClose();
    void tagAll(ids, tagsOf(text), [...removed]);
  };
  return (
    <Dialog title={`Tags of ${plural(ids.length, "execution")}`} onClose={onClose}>
      <form onSubmit={submit}>
        <label for="tags">Add, parted by commas</label>
        <input id="tags" class="field" autocomplete="off" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        {tags.length > 0 && <p class="soft">Click one to take it away</p>}
        <p class="tag-row">
          {tags.map((tag) => (
            <button key={tag} type="button" class={removed.has(tag) ? "tag tag-off" : "tag"} aria-pressed={removed.has(tag)} onClick={() => turn(tag)}>
              {tag}
            </button>
          ))}
        </p>
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button main" disabled={tagsOf(text).length === 0 && removed.size === 0}>
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
