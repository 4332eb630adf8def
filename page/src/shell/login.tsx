import { useState } from "preact/hooks";
import { paste, refused } from "../net/session";
import { Command } from "../parts/copy";
import { sentence } from "../parts/trouble";
import { path } from "./router";
import { useTitle } from "./title";

/** The one box for who has no session; afterwards the page that was asked for. */
export function Login() {
  useTitle("Log in");
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    await paste(text);
    setBusy(false);
  };
  return (
    <main class="login">
      <form class="panel login-box" onSubmit={(event) => void submit(event)}>
        <h1>localhai</h1>
        <p>This page shows what runs on this machine, so it has to know that you may see it. In a terminal:</p>
        <Command text="localhai page" />
        <label for="token">Or paste a token, or the address that localhai printed</label>
        <div class="login-row">
          <input
            id="token"
            type="password"
            autocomplete="off"
            value={text}
            aria-describedby="refused"
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <button type="submit" class="button main" disabled={!text.trim() || busy}>
            Log in
          </button>
        </div>
        <p id="refused" class="bad" role="alert">
          {refused.value && `${sentence(refused.value)}.`}
        </p>
        {path.value !== "/" && (
          <p class="soft">
            Then on to <code>{path.value}</code>
          </p>
        )}
      </form>
    </main>
  );
}
