import type { Failure } from "../net/api";

/** Something that went wrong, in the server's words, and what to do. */
export function Trouble({ failure, again }: { failure: Failure; again?: () => void }) {
  return (
    <div class="trouble" role="alert">
      <strong>{sentence(failure.message)}</strong>
      {failure.hints.map((hint) => (
        <p key={hint}>{hint}</p>
      ))}
      {again && failure.status !== 404 && (
        <button type="button" class="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
