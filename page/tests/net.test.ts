import { describe, expect, test } from "vitest";
import { routeOf } from "../src/lib/route";
import { EventParser } from "../src/lib/sse";
import { baseOf, baseOfEvent, changes } from "../src/net/topics";

describe("server-sent events", () => {
  test("arrive in any pieces", () => {
    const text = ": hello\r\nid: s.1\r\nevent: table\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\ndata:x\n\n";
    const whole = new EventParser().push(text);
    const parser = new EventParser();
    expect([...text].flatMap((char) => parser.push(char))).toEqual(whole);
    expect(whole).toEqual([
      { event: "table", data: '{"a":\n1}', id: "s.1" },
      { event: "message", data: "x", id: "s.1" },
    ]);
  });

  test("without data there is none", () => expect(new EventParser().push("event: x\n\n: comment\n\n")).toEqual([]));
});

describe("topics", () => {
  test("are the same whatever revision or line they begin with", () => {
    expect([baseOf("table:p:7"), baseOf("log:e:120"), baseOf("projects")]).toEqual(["table:p", "log:e", "projects"]);
  });

  test("events find theirs", () => {
    expect(baseOfEvent("table", { project: "p" })).toBe("table:p");
    expect(baseOfEvent("log", { id: "e" })).toBe("log:e");
    expect(baseOfEvent("gone", { topic: "log:e:120" })).toBe("log:e");
    expect(baseOfEvent("hello", {})).toBeNull();
  });

  test("only what changed is asked: new ones once for all tabs, old ones by the name they were asked by", () => {
    const held = new Map([["table:p", "table:p:1"], ["log:e", "log:e:5"]]);
    expect(changes(held, ["table:p:9", "execution:e", "execution:e"])).toEqual({ subscribe: ["execution:e"], unsubscribe: ["log:e:5"] });
  });
});

test.each([
  ["/", { page: "projects" }],
  ["/p/P/", { page: "executions", project: "P" }],
  ["/p/a%20b/executions/", { page: "executions", project: "a b" }],
  ["/p/P/execution/7/", { page: "execution", project: "P", ref: "7", tab: "details" }],
  ["/p/P/execution/7/log/", { page: "execution", project: "P", ref: "7", tab: "log" }],
  ["/p/P/execution/7/nonsense/", { page: "none" }],
  ["/p/P/tasks/", { page: "tasks", project: "P" }],
  ["/p/P/task/3/", { page: "task", project: "P", ref: "3" }],
  ["/p/P/pipelines/", { page: "later", project: "P", what: "Pipelines", command: "localhai pipeline list" }],
  ["/nowhere/", { page: "none" }],
  ["/p/%E0%A4%A/", { page: "executions", project: "%E0%A4%A" }],
])("%s leads to its page", (path, route) => expect(routeOf(path)).toEqual(route));
