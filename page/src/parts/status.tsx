/** A status by shape and word, never by colour alone. */

type Shape = "dot" | "square" | "ring" | "turning";

const SHAPES: Record<string, [Shape, string]> = {
  complete: ["dot", "good"],
  error: ["square", "bad"],
  crashed: ["square", "bad"],
  stopped: ["square", "soft"],
  stopping: ["turning", "soft"],
  started: ["turning", "accent"],
  queued: ["ring", "soft"],
  created: ["ring", "soft"],
};

export const OPEN = new Set(["created", "queued", "started", "stopping"]);

export function Mark({ status }: { status: string }) {
  const [shape, tone] = SHAPES[status] ?? ["ring", "soft"];
  return <span class={`mark mark-${shape} tone-${tone}`} aria-hidden="true" />;
}

export function Status({ status }: { status: string }) {
  return (
    <span class="status">
      <Mark status={status} />
      {status}
    </span>
  );
}
