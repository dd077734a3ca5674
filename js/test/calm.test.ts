import { expect, test } from "vitest";
import { calm } from "../src/calm";
import type { Page } from "../src/page";
import { FakePage } from "./fakes";

/** The spread in `calm` takes own properties, as those of the real page are; a class has its methods elsewhere. */
function parts(page: FakePage): Page {
  return {
    now: () => page.now(),
    after: (milliseconds, run) => page.after(milliseconds, run),
    beforePaint: (run) => page.beforePaint(run),
    afterPaint: (run) => page.afterPaint(run),
  };
}

test("a reader who asks for less motion gets at most two pictures a second", () => {
  const page = new FakePage();
  const slow = calm(parts(page), () => true);
  let painted = 0;
  for (let tick = 0; tick < 40; tick++) {
    if (page.waiting === 0) slow.beforePaint(() => painted++);
    page.paint();
    page.advance(50);
  }
  expect(painted).toBeGreaterThanOrEqual(4);
  expect(painted).toBeLessThanOrEqual(5);
});

test("everyone else gets every picture", () => {
  const page = new FakePage();
  const usual = calm(parts(page), () => false);
  let painted = 0;
  for (let tick = 0; tick < 10; tick++) {
    usual.beforePaint(() => painted++);
    page.paint();
    page.advance(50);
  }
  expect(painted).toBe(10);
});

test("a picture that waits can still be called off", () => {
  const page = new FakePage();
  const slow = calm(parts(page), () => true);
  slow.beforePaint(() => undefined);
  page.paint();
  const stop = slow.beforePaint(() => expect.unreachable());
  stop();
  page.advance(1000);
  page.paint();
  expect(page.waiting).toBe(0);
});
