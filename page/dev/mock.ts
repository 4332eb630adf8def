import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import { compare, details, log, metadata, outputs, projects, series, table } from "./fixtures.ts";

/** A small stand-in of `localhai serve` for work on the page: `npm run dev`. It knows one project and remembers nothing. */
export function mock(): Plugin {
  return {
    name: "localhai-mock",
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        if (!request.url?.startsWith("/page/")) return next();
        answer(new URL(request.url, "http://localhost"), request, response);
      });
      return () => {
        server.middlewares.use((request, response) => {
          response.setHeader("Content-Type", "text/html");
          void server.transformIndexHtml(request.url ?? "/", SHELL).then((html) => response.end(html));
        });
      };
    },
  };
}

function answer(url: URL, request: IncomingMessage, response: ServerResponse): void {
  const path = url.pathname.replace(/^\/page\//, "");
  const number = (name: string, otherwise: number): number => Number(url.searchParams.get(name) ?? otherwise);
  if (path === "stream/" && request.method === "GET") return stream(request, response);
  const ref = path.split("/")[1] ?? "";
  if (path === "session/") send(response, { token: "dev", user: { id: 1, username: "dev" }, server: SERVER });
  else if (path === "projects/") send(response, projects());
  else if (path === "table/") send(response, table());
  else if (path === "series/") send(response, series(url.searchParams.getAll("ids"), url.searchParams.getAll("y")));
  else if (path.startsWith("metadata/")) send(response, metadata());
  else if (path === "compare/") send(response, compare((url.searchParams.get("ids") ?? "").split(",")));
  else if (path.endsWith("/outputs/")) send(response, outputs());
  else if (path.startsWith("executions/") && request.method === "GET") send(response, details(ref));
  else if (path.endsWith("/search/")) send(response, { matches: [], count: 0, more: false });
  else if (path.startsWith("log/")) send(response, log(number("line", 1), number("count", 100)));
  else send(response, {});
}

const SHELL = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>localhai</title></head>
<body><div id="app"></div><script type="module" src="/src/main.tsx"></script></body>
</html>
`;
const SERVER = { version: "dev", bundle: "dev", started: "2026-01-01T00:00:00Z" };

function send(response: ServerResponse, body: unknown): void {
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(body));
}

function stream(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader("Content-Type", "text/event-stream");
  response.write(`event: hello\ndata: ${JSON.stringify({ stream: "dev", resumed: false, server: SERVER })}\n\n`);
  const timer = setInterval(() => response.write(": still here\n\n"), 15_000);
  request.on("close", () => clearInterval(timer));
}
