import { expect, test, vi } from "vitest";
import { browserPage } from "../src/page";
import { withRoot } from "../src/root";
import { findTargets } from "../src/targets";
import { FakePage, settle } from "./fakes";

test("in a browser what was asked for before and after a painting runs in that order", async () => {
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    browserPage.beforePaint(() => {
      order.push("before");
      browserPage.afterPaint(() => {
        order.push("after");
        resolve();
      });
    });
  });
  expect(order).toEqual(["before", "after"]);
});

test("in a browser what was cancelled does not run", async () => {
  const ran: string[] = [];
  for (const cancel of [
    browserPage.beforePaint(() => ran.push("before")),
    browserPage.afterPaint(() => ran.push("after")),
    browserPage.after(1, () => ran.push("timer")),
  ]) {
    cancel();
  }
  await new Promise((resolve) => setTimeout(resolve, 40));
  expect(ran).toEqual([]);
});

test("the root is found when the view is attached to it and its class is there, and ended once", () => {
  const page = new FakePage();
  const view = document.createElement("div");
  const root = document.createElement("div");
  const log: string[] = [];
  const end = withRoot(view, page, (found) => {
    log.push(found === root ? "begin" : "wrong root");
    return () => log.push("end");
  });
  page.advance(500);
  root.append(view);
  page.advance(5000);
  expect(log).toEqual([]);
  root.className = "rugged-widget";
  page.advance(1000);
  expect(log).toEqual(["begin"]);
  end();
  expect(log).toEqual(["begin", "end"]);
});

test("a view that is removed before it had a root stops looking for one", () => {
  const page = new FakePage();
  const end = withRoot(document.createElement("div"), page, () => () => {});
  page.advance(5000);
  end();
  expect(page.waiting).toBe(0);
});

test("targets are handed over together, in order, also where the page learns of them late", async () => {
  const page = new FakePage();
  const known: Record<string, object> = { b: { id: "b" } };
  const get_model = async (id: string) => known[id] ?? Promise.reject(new Error("widget model not found"));
  const found: unknown[] = [];
  findTargets(["IPY_MODEL_a", "IPY_MODEL_b"], { get_model }, page, (targets) => found.push(targets));
  await settle();
  expect(found).toEqual([]);
  known.a = { id: "a" };
  page.advance(100);
  await settle();
  expect(found).toEqual([[{ id: "a" }, { id: "b" }]]);
  expect(page.waiting).toBe(0);
});

test("the search for targets ends with its disposal", async () => {
  const page = new FakePage();
  const found: unknown[] = [];
  const get_model = async (id: string) => (id === "a" ? {} : Promise.reject(new Error("widget model not found")));
  const endLate = findTargets(["IPY_MODEL_a"], { get_model }, page, () => found.push("late"));
  endLate();
  const endWaiting = findTargets(["IPY_MODEL_b"], { get_model }, page, () => found.push("never"));
  await settle();
  endWaiting();
  expect([found, page.waiting]).toEqual([[], 0]);
});

test("targets that do not come are asked for ever more seldom, and the console says once what is missing", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const page = new FakePage();
  const get_model = vi.fn(() => Promise.reject(new Error("widget model not found")));
  const end = findTargets(["IPY_MODEL_a"], { get_model }, page, () => {});
  for (let tenths = 0; tenths < 300; tenths++) {
    await settle();
    page.advance(100);
  }
  expect(get_model.mock.calls.length).toBeLessThan(13);
  expect(warn.mock.calls).toEqual([["rugged_widget waits for widgets that this page does not know: 1 of 1."]]);
  end();
  warn.mockRestore();
});
