/** One execution's details, live from the stream. */
import { signal } from "@preact/signals";
import { asFailure, Failure, get } from "../net/api";
import { follow } from "../net/stream";
import type { Details } from "./details";

export class DetailsModel {
  readonly details = signal<Details | null>(null);
  readonly failure = signal<Failure | null>(null);
  private stop: (() => void) | null = null;
  private ended = false;

  constructor(
    private readonly project: string,
    private readonly reference: string,
  ) {}

  /** Live until the function returned is called. */
  use(): () => void {
    this.ended = false;
    void this.load();
    return () => {
      this.ended = true;
      this.stop?.();
      this.stop = null;
    };
  }

  async load(): Promise<void> {
    const path = `/page/executions/${encodeURIComponent(this.reference)}/?project=${encodeURIComponent(this.project)}`;
    try {
      const details = await get<Details>(path);
      this.details.value = details;
      this.failure.value = null;
      if (!this.stop && !this.ended) this.stop = this.listen(details.id);
    } catch (error) {
      this.failure.value = asFailure(error);
    }
  }

  private listen(id: string): () => void {
    const topic = `execution:${id}`;
    return follow({
      base: topic,
      topic: () => topic,
      on: (event, data) => {
        if (event === "execution") this.details.value = data as unknown as Details;
        else if (event === "gone") this.failure.value = new Failure(404, String(data.message ?? "this execution was deleted"));
      },
    });
  }
}
