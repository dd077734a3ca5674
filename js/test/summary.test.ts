import { beforeEach, expect, test } from "vitest";
import { Announcer } from "../src/summary";
import { FakePage } from "./fakes";

let page: FakePage;
let announcer: Announcer;
let view: HTMLElement;

beforeEach(() => {
  page = new FakePage();
  announcer = new Announcer(page);
  view = document.createElement("div");
});

const region = (of: Element = view) => of.querySelector("[role=status]");

test("the region is polite, and hidden from the eye without a style sheet", () => {
  announcer.attach(view);
  expect(region()?.getAttribute("aria-live")).toBe("polite");
  const { position, width, overflow, display } = (region() as HTMLElement).style;
  expect([position, width, overflow, display]).toEqual(["absolute", "1px", "hidden", ""]);
});

test("the text changes at most every eight seconds, and the newest one wins", () => {
  announcer.attach(view);
  announcer.offer("running, step 1");
  for (let step = 2; step <= 7; step++) {
    page.advance(1000);
    announcer.offer(`running, step ${step}`);
    expect(region()?.textContent).toBe("running, step 1");
  }
  page.advance(1999);
  expect(region()?.textContent).toBe("running, step 1");
  page.advance(1);
  expect(region()?.textContent).toBe("running, step 7");
  page.advance(7999);
  announcer.offer("running, step 8");
  expect(region()?.textContent).toBe("running, step 7");
});

test("after eight quiet seconds a text is told at once", () => {
  announcer.attach(view);
  announcer.offer("running, step 1");
  page.advance(8000);
  announcer.offer("running, step 2");
  expect(region()?.textContent).toBe("running, step 2");
});

test("a text that is offered again is not told again and holds up none", () => {
  announcer.attach(view);
  announcer.offer("running, step 1");
  page.advance(8000);
  announcer.offer("running, step 1");
  page.advance(1000);
  announcer.offer("running, step 2");
  expect(region()?.textContent).toBe("running, step 2");
});

test("another status word is told at once, and what waited is dropped", () => {
  announcer.attach(view);
  announcer.offer("Running: step 1");
  announcer.offer("Running: step 2");
  announcer.offer("Paused at step 3");
  expect(region()?.textContent).toBe("Paused at step 3");
  page.advance(20_000);
  expect(region()?.textContent).toBe("Paused at step 3");
});

test("a punctuation mark or a capital letter does not make another status", () => {
  announcer.attach(view);
  announcer.offer("running, step 1");
  announcer.offer("Running: step 2");
  expect(region()?.textContent).toBe("running, step 1");
});

test("of several views the oldest speaks, and the next one when it is gone", () => {
  const other = document.createElement("div");
  const detach = announcer.attach(view);
  announcer.attach(other);
  announcer.offer("running, step 1");
  expect([region()?.textContent, region(other)?.textContent]).toEqual(["running, step 1", ""]);
  detach();
  expect(region()).toBeNull();
  announcer.offer("paused, step 2");
  expect(region(other)?.textContent).toBe("paused, step 2");
});

test("after disposal nothing waits", () => {
  announcer.attach(view);
  announcer.offer("running, step 1");
  announcer.offer("running, step 2");
  announcer.dispose();
  expect(page.waiting).toBe(0);
});
