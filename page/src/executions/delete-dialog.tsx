import { useState } from "preact/hooks";
import { plural } from "../lib/format";
import { Dialog } from "../parts/dialog";
import { deleteAll } from "./actions";

interface Props {
  ids: readonly string[];
  open: number;
  onClose: () => void;
  onDone: () => void;
}

/** Asks before executions are deleted. */
export function DeleteDialog({ ids, open, onClose, onDone }: Props) {
  const [outputs, setOutputs] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    onClose();
    void deleteAll(ids, outputs).then(onDone);
  };
  return (
    <Dialog title={`Delete ${plural(ids.length, "execution")}?`} onClose={onClose}>
      <form onSubmit={submit}>
        <p>Their records and logs go for good.</p>
        {open > 0 && <p class="bad">{open} of them still run and stay: stop them first.</p>}
        <label class="check">
          <input type="checkbox" checked={outputs} onChange={(event) => setOutputs(event.currentTarget.checked)} />
          The files of their outputs too
        </label>
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onClose}>
            Keep
          </button>
          <button type="submit" class="button danger">
            Delete
          </button>
        </div>
      </form>
    </Dialog>
  );
}
