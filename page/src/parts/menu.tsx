import { useEffect, useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";

interface PopoverProps {
  label: ComponentChildren;
  title?: string;
  wide?: boolean;
  /** Its left edge is the button's: for buttons at the left of a page. */
  left?: boolean;
  children: (close: () => void) => ComponentChildren;
}

/** A button with something below it that closes on Escape, on a click elsewhere and, as a menu, on a choice. */
export function Popover({ label, title, children, wide, left }: PopoverProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => !root.current?.contains(event.target as Node) && setOpen(false);
    const escape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      root.current?.querySelector("button")?.focus();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("keydown", escape);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("keydown", escape);
    };
  }, [open]);
  return (
    <div class="popover-root" ref={root}>
      <button type="button" class="button" aria-expanded={open} aria-haspopup="true" title={title} onClick={() => setOpen(!open)}>
        {label}
      </button>
      {open && <div class={`popover${wide ? " popover-wide" : ""}${left ? " popover-left" : ""}`}>{children(() => setOpen(false))}</div>}
    </div>
  );
}

export interface Choice {
  label: string;
  hint?: string;
  act: () => void;
}

/** A menu of choices; arrows move in it. */
export function Menu({ label, choices }: { label: string; choices: Choice[] }) {
  return (
    <Popover label={label}>
      {(close) => (
        <div role="menu" aria-label={label} onKeyDown={move} ref={(element) => element?.querySelector<HTMLElement>("[role=menuitem]")?.focus()}>
          {choices.map((choice) => (
            <button
              key={choice.label}
              type="button"
              role="menuitem"
              class="choice"
              onClick={() => {
                close();
                choice.act();
              }}
            >
              <span>{choice.label}</span>
              {choice.hint && <code class="soft">{choice.hint}</code>}
            </button>
          ))}
        </div>
      )}
    </Popover>
  );
}

function move(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const items = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("[role=menuitem]")];
  const at = items.indexOf(document.activeElement as HTMLElement);
  items[(at + step + items.length) % items.length]?.focus();
}
