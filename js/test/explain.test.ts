import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { explain } from "../src/explain";
import type { Dispose } from "../src/lifetime";
import { FakePage, placeAt, settle } from "./fakes";

let root: HTMLElement;
let page: FakePage;
let dispose: Dispose;

const one = (name: string) => `<div class="rw-head"><div class="rw-explain">
  <button class="rw-explain-button ${name}" title="Explain: ${name}"></button>
  <div class="rw-explain-panel"></div></div></div>`;

beforeEach(() => {
  document.body.innerHTML = `<div class="rugged-widget">${one("first")}${one("second")}<button class="start"></button>
    </div><input>`;
  root = document.querySelector(".rugged-widget") as HTMLElement;
  for (const button of root.querySelectorAll(".rw-explain-button")) toggles(button);
  page = new FakePage();
  dispose = explain(root, page);
});

afterEach(() => dispose());

/** As a ToggleButton of ipywidgets does it, before anything on the root hears of the click. */
function toggles(button: Element): void {
  button.addEventListener("click", () => button.classList.toggle("mod-active"));
}

const find = (name: string) => root.querySelector(`.${name}`) as HTMLElement;
const panelOf = (name: string) => find(name).nextElementSibling as HTMLElement;
const isOpen = (name: string) => find(name).classList.contains("mod-active");
const pressEscape = () => document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));

test("a button says what it opens, and whether it is open", () => {
  const button = find("first");
  expect(button.getAttribute("aria-label")).toBe("Explain: first");
  expect(button.getAttribute("aria-expanded")).toBe("false");
  expect(document.getElementById(button.getAttribute("aria-controls") ?? "")).toBe(panelOf("first"));
  expect(panelOf("first").id).not.toBe(panelOf("second").id);
  button.click();
  expect(button.getAttribute("aria-expanded")).toBe("true");
});

test("what a button opens has a name that no other widget's module has given", async () => {
  dispose();
  document.body.innerHTML = `<div class="rugged-widget">${one("first")}</div><div class="rugged-widget">${one("second")}</div>`;
  const ends: Dispose[] = [];
  for (const widget of document.querySelectorAll<HTMLElement>(".rugged-widget")) {
    vi.resetModules(); // anywidget loads the module once for each widget
    ends.push((await import("../src/explain")).explain(widget, page));
  }
  const [first, second] = Array.from(document.querySelectorAll(".rw-explain-panel"), ({ id }) => id);
  expect(first).not.toBe("");
  expect(first).not.toBe(second);
  for (const end of ends) end();
});

test("opening one closes the other", () => {
  find("first").click();
  find("second").click();
  expect([isOpen("first"), isOpen("second")]).toEqual([false, true]);
  expect(find("first").getAttribute("aria-expanded")).toBe("false");
});

test("Escape closes it and gives the focus back to its button", () => {
  find("first").click();
  find("start").focus();
  pressEscape();
  expect(isOpen("first")).toBe(false);
  expect(document.activeElement).toBe(find("first"));
});

test("Escape in something else on the page is not ours", () => {
  find("first").click();
  document.querySelector("input")?.focus();
  pressEscape();
  expect(isOpen("first")).toBe(true);
});

test("Escape leaves alone what is open in a hidden page", () => {
  find("first").click();
  find("first").closest(".rw-head")?.classList.add("lm-mod-hidden");
  pressEscape();
  expect(isOpen("first")).toBe(true);
});

test("a panel opens upwards where it would leave the widget below", () => {
  placeAt(root, 0, 0, 800, 600);
  placeAt(panelOf("first"), 0, 40, 400, 300);
  placeAt(panelOf("second"), 0, 500, 400, 300);
  Object.defineProperty(panelOf("second"), "offsetParent", { value: find("second").closest(".rw-head") });
  placeAt(find("second").closest(".rw-head") as Element, 0, 470, 400, 28);
  find("first").click();
  expect(panelOf("first").classList.contains("rw-above")).toBe(false);
  find("second").click();
  expect(panelOf("second").classList.contains("rw-above")).toBe(true);
  find("second").click();
  expect(panelOf("second").classList.contains("rw-above")).toBe(false);
});

test("what comes later is looked after too, and what is renamed", async () => {
  root.insertAdjacentHTML("beforeend", one("third"));
  find("first").title = "설명";
  await settle();
  page.advance(100);
  expect(find("third").getAttribute("aria-expanded")).toBe("false");
  expect(find("first").getAttribute("aria-label")).toBe("설명");
});

test("after dispose nothing is done any more", async () => {
  find("first").click();
  dispose();
  pressEscape();
  expect(isOpen("first")).toBe(true);
  root.insertAdjacentHTML("beforeend", one("third"));
  await settle();
  expect(page.waiting).toBe(0);
});
