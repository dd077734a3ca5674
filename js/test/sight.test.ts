import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Sight } from "../src/sight";

type Report = (entries: { isIntersecting: boolean }[]) => void;

const reports = new Map<Element, Report>();

class FakeObserver {
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  observe(element: Element): void {
    reports.set(element, this.#report);
  }

  disconnect(): void {}
}

function report(element: Element, ...seen: boolean[]): void {
  reports.get(element)?.(seen.map((isIntersecting) => ({ isIntersecting })));
}

let visibility = "visible";

beforeEach(() => {
  visibility = "visible";
  vi.stubGlobal("IntersectionObserver", FakeObserver);
  vi.spyOn(document, "visibilityState", "get").mockImplementation(() => visibility as DocumentVisibilityState);
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  reports.clear();
});

function followed(sight: Sight): boolean[] {
  const told: boolean[] = [];
  sight.follow((seen) => told.push(seen));
  return told;
}

test("a widget counts as seen before there is a view, and until the browser says otherwise", () => {
  const sight = new Sight(document);
  const told = followed(sight);
  expect(sight.seen).toBe(true);
  sight.watch(document.createElement("div"));
  expect(sight.seen).toBe(true);
  expect(told).toEqual([]);
});

test("it is out of sight while its only view is, and the newest of several reports counts", () => {
  const sight = new Sight(document);
  const told = followed(sight);
  const view = document.createElement("div");
  sight.watch(view);
  report(view, true, false);
  report(view, false);
  report(view, false, true);
  expect(told).toEqual([false, true]);
});

test("one of two views is enough, and the last one that goes takes it out of sight", () => {
  const sight = new Sight(document);
  const told = followed(sight);
  const [one, other] = [document.createElement("div"), document.createElement("div")];
  const remove = sight.watch(one);
  const removeOther = sight.watch(other);
  report(one, false);
  expect(told).toEqual([]);
  removeOther();
  expect(told).toEqual([false]);
  remove();
  sight.watch(other);
  expect(told).toEqual([false, true]);
});

test("a page behind another is out of sight", () => {
  const sight = new Sight(document);
  const told = followed(sight);
  sight.watch(document.createElement("div"));
  for (const state of ["hidden", "visible"]) {
    visibility = state;
    document.dispatchEvent(new Event("visibilitychange"));
  }
  expect(told).toEqual([false, true]);
});

test("a browser that cannot tell shows everything", () => {
  vi.stubGlobal("IntersectionObserver", undefined);
  const sight = new Sight(document);
  sight.watch(document.createElement("div"));
  expect(sight.seen).toBe(true);
});
