/** Server-sent events out of text as it arrives (HTML standard, 9.2.6), for streams that are read by fetch. */

export interface ServerEvent {
  event: string;
  data: string;
  /** The last id that was sent up to here; empty before the first. */
  id: string;
}

export class EventParser {
  private rest = "";
  private event = "";
  private data: string[] = [];
  private id = "";

  /** The events that a piece of text completes. */
  push(text: string): ServerEvent[] {
    const found: ServerEvent[] = [];
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = this.take(line);
      if (event) found.push(event);
    }
    return found;
  }

  private take(line: string): ServerEvent | null {
    if (line === "") return this.end();
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.event = value;
    else if (name === "data") this.data.push(value);
    else if (name === "id" && !value.includes("\0")) this.id = value;
    return null;
  }

  private end(): ServerEvent | null {
    const event = this.data.length > 0 ? { event: this.event || "message", data: this.data.join("\n"), id: this.id } : null;
    this.event = "";
    this.data = [];
    return event;
  }
}
