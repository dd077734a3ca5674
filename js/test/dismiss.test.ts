import { afterEach, beforeEach, expect, test } from "vitest";
import { dismissTooltips } from "../src/dismiss";
import type { Dispose } from "../src/lifetime";

let root: HTMLElement;
let dispose: Dispose;

beforeEach(() => {
  document.body.innerHTML = `<div class="rugged-widget">
    <div class="rw-state"><span class="spot" tabindex="0"></span><span class="inner"></span></div>
    <button>elsewhere</button></div>`;
  root = document.querySelector(".rugged-widget") as HTMLElement;
  dispose = dismissTooltips(root);
});

afterEach(() => dispose());

const find = (selector: string) => root.querySelector(selector) as HTMLElement;
const press = (key: string) => document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
const dismissed = () => find(".rw-state").classList.contains("rw-dismissed");
const leave = (relatedTarget: Element) =>
  find(".spot").dispatchEvent(new PointerEvent("pointerout", { bubbles: true, relatedTarget }));

test("the tooltip of the status is hidden by Escape while the status has the focus, and by no other key", () => {
  find(".spot").focus();
  press("a");
  expect(dismissed()).toBe(false);
  press("Escape");
  expect(dismissed()).toBe(true);
});

test("it is not touched by Escape elsewhere", () => {
  find("button").focus();
  press("Escape");
  expect(dismissed()).toBe(false);
});

test("it comes back once the status is left", () => {
  find(".spot").focus();
  press("Escape");
  leave(find(".inner"));
  expect(dismissed()).toBe(true);
  leave(find("button"));
  expect(dismissed()).toBe(false);
  press("Escape");
  find("button").focus();
  expect(dismissed()).toBe(false);
});

test("it is left alone after dispose", () => {
  find(".spot").focus();
  dispose();
  press("Escape");
  expect(dismissed()).toBe(false);
});
