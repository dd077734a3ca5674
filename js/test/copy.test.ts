import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { copyOnClick, type Outcomes } from "../src/copy";
import type { Dispose } from "../src/lifetime";
import { FakePage, settle } from "./fakes";

let root: HTMLElement;
let page: FakePage;
let dispose: Dispose;
let clipboard: string[];
let allowed: boolean;
let outcomes: Outcomes;

beforeEach(() => {
  document.body.innerHTML = `<div class="rugged-widget">
    <div class="rw-copyable"><button class="rw-copy"><span>Copy</span></button><pre>a &lt; <b>b</b>\n  c</pre></div>
    <button class="rw-copy alone">Copy</button><div class="rw-copyable"><pre>other</pre></div></div>`;
  root = document.querySelector(".rugged-widget") as HTMLElement;
  page = new FakePage();
  clipboard = [];
  allowed = true;
  outcomes = { copied: "Copied", refused: "Not copied" };
  dispose = copyOnClick(
    root,
    page,
    () => outcomes,
    async (text) => allowed && clipboard.push(text) > 0,
  );
});

afterEach(() => {
  dispose();
  vi.unstubAllGlobals();
});

const button = () => root.querySelector(".rw-copy") as HTMLElement;
const click = async (element: Element = button()) => {
  element.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  await settle();
};

test("the text beside the button is copied, as it is read", async () => {
  await click(root.querySelector(".rw-copy span") as Element);
  expect(clipboard).toEqual(["a < b\n  c"]);
});

test("the button says for a moment that it is done", async () => {
  await click();
  expect(button().textContent).toBe("Copied");
  page.advance(1499);
  expect(button().textContent).toBe("Copied");
  page.advance(1);
  expect(button().textContent).toBe("Copy");
  expect(page.waiting).toBe(0);
});

test("it says so in the language of the moment", async () => {
  outcomes = { copied: "복사됨", refused: "복사하지 못함" };
  await click();
  expect(button().textContent).toBe("복사됨");
});

test("pressed twice it still finds its word again", async () => {
  await click();
  page.advance(1000);
  await click();
  page.advance(1499);
  expect(button().textContent).toBe("Copied");
  page.advance(1);
  expect(button().textContent).toBe("Copy");
});

test("it says so where copying is refused", async () => {
  allowed = false;
  await click();
  expect(button().textContent).toBe("Not copied");
});

test("a button with nothing beside it, and a click elsewhere, do nothing", async () => {
  await click(root.querySelector(".alone") as Element);
  await click(root.querySelector("pre") as Element);
  expect(clipboard).toEqual([]);
  expect(root.querySelector(".alone")?.textContent).toBe("Copy");
});

test("without a clipboard a selection is copied, and the focus stays", async () => {
  dispose();
  dispose = copyOnClick(root, page, () => outcomes);
  vi.stubGlobal("navigator", {});
  let selected = "";
  document.execCommand = () => {
    selected = document.querySelector("textarea")?.value ?? "";
    return true;
  };
  button().focus();
  await click();
  expect(selected).toBe("a < b\n  c");
  expect(document.querySelector("textarea")).toBeNull();
  expect(document.activeElement).toBe(button());
  expect(button().textContent).toBe("Copied");
});

test("after dispose nothing is copied, and the word is back", async () => {
  await click();
  dispose();
  expect(button().textContent).toBe("Copy");
  await click();
  expect(clipboard.length).toBe(1);
});
