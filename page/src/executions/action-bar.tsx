import { useState } from "preact/hooks";
import { plural } from "../lib/format";
import { DeleteDialog } from "./delete-dialog";
import { stopAll } from "./actions";
import { TagDialog } from "./tag-dialog";

interface Props {
  ids: readonly string[];
  /** How many of them can be stopped. */
  open: number;
  tags: readonly string[];
  onCompare: () => void;
  onClear: () => void;
}

/** What can be done with the rows that are selected. */
export function ActionBar({ ids, open, tags, onCompare, onClear }: Props) {
  const [dialog, setDialog] = useState<"tag" | "delete" | null>(null);
  const close = () => setDialog(null);
  if (ids.length === 0) return null;
  return (
    <>
      <div class="action-bar" role="toolbar" aria-label={`${plural(ids.length, "execution")} selected`}>
        <span class="action-count">{ids.length} selected</span>
        <button type="button" class="button main" disabled={ids.length < 2} onClick={onCompare}>
          Compare <kbd>c</kbd>
        </button>
        <button type="button" class="button" onClick={() => setDialog("tag")}>
          Tag
        </button>
        <button type="button" class="button" disabled={open === 0} onClick={() => void stopAll(ids)}>
          Stop
        </button>
        <button type="button" class="button" onClick={() => setDialog("delete")}>
          Delete
        </button>
        <button type="button" class="plain" aria-label="Select none" onClick={onClear}>
          ✕
        </button>
      </div>
      {dialog === "tag" && <TagDialog ids={ids} tags={tags} onClose={close} />}
      {dialog === "delete" && <DeleteDialog ids={ids} open={open} onClose={close} onDone={onClear} />}
    </>
  );
}
