import { afterEach, beforeEach, expect, test } from "vitest";
import type { Dispose } from "../src/lifetime";
import { openByName } from "../src/open";

let root: HTMLElement;
let dispose: Dispose;
let heard: string[];

beforeEach(() => {
  document.body.innerHTML = `<div class="rugged-widget"><div class="rw-latents-figure">
    <div class="rw-latents-search"><input></div><button class="all">All</button>
    <button data-rw-open="a &quot;b&quot;"><span>a</span></button></div><button data-rw-open="c" class="far">c</button></div>`;
  root = document.querySelector(".rugged-widget") as HTMLElement;
  heard = [];
  for (const kind of ["input", "change"]) {
    root.addEventListener(kind, ({ target }) => heard.push(`${kind} ${(target as HTMLInputElement).value}`));
  }
  dispose = openByName(root);
});

afterEach(() => dispose());

const click = (selector: string) =>
  root.querySelector(selector)?.dispatchEvent(new MouseEvent("click", { bubbles: true }));

test("the name of a site is searched for as if it were typed", () => {
  click("[data-rw-open] span");
  expect(heard).toEqual(['input a "b"', 'change a "b"']);
  expect(document.activeElement).toBe(root.querySelector("input"));
});

test("another button, a name outside the figure, and a widget that is gone search for nothing", () => {
  click(".all");
  click(".far");
  dispose();
  click("[data-rw-open]");
  expect(heard).toEqual([]);
});
