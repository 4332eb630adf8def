import type { ComponentChildren } from "preact";

export function Panel({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="panel">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** A name and what it has; what is secondary stands grey in the same line. */
export function Fact({ name, children, title }: { name: string; children: ComponentChildren; title?: string | undefined }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd title={title}>{children}</dd>
    </div>
  );
}
