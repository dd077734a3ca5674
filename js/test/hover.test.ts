import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type HoverEntry, nearestDot, showHovered } from "../src/hover";
import type { Dispose } from "../src/lifetime";
import { placeTooltip } from "../src/tooltip";
import { placeAt, settle } from "./fakes";

const SVG = "http://www.w3.org/2000/svg";
const HOSTILE = "<img src=x onerror=alert(1)>";

let root: HTMLElement;
let end: Dispose;
let entries: HoverEntry[];

beforeEach(() => {
  root = document.createElement("div");
  document.body.append(root);
  entries = [
    {
      figure: "outside",
      rows: [
        { title: "Austria", text: "ruggedness 3.51" },
        { title: HOSTILE, text: HOSTILE },
      ],
    },
    { figure: "inside", rows: [{ title: "Lesotho", text: "ruggedness 6.20" }] },
  ];
  end = showHovered(root, () => entries);
});

afterEach(() => {
  end();
  root.remove();
});

/** A figure of 400 x 300 px at (100, 50) with 8 px dots around these centres, built as bqplot builds it. */
function addFigure(cssClass: string, ...centres: [number, number][]): HTMLElement {
  const figure = document.createElement("div");
  figure.className = `bqplot figure ${cssClass}`;
  placeAt(figure, 100, 50, 400, 300);
  const svg = document.createElementNS(SVG, "svg");
  for (const [x, y] of centres) {
    const group = document.createElementNS(SVG, "g");
    group.setAttribute("class", "object_grp");
    const dot = document.createElementNS(SVG, "path");
    dot.setAttribute("class", "dot element");
    placeAt(dot, 100 + x - 4, 50 + y - 4, 8, 8);
    group.append(dot);
    svg.append(group);
  }
  figure.append(svg);
  root.append(figure);
  return figure;
}

function pointAt(target: Element, x: number, y: number, name = "pointermove"): void {
  target.dispatchEvent(new PointerEvent(name, { bubbles: true, clientX: 100 + x, clientY: 50 + y }));
}

function shownIn(figure: Element): string[] | null {
  const tooltip = figure.querySelector<HTMLElement>("[role=tooltip]");
  if (tooltip === null || tooltip.style.display === "none") return null;
  return Array.from(tooltip.children, ({ textContent }) => textContent ?? "");
}

/** Where the marked dots are, from the left of their figure. */
const marked = () =>
  Array.from(root.querySelectorAll(".rw-hovered > .dot"), (dot) => dot.getBoundingClientRect().left - 96);

describe("the nearest dot", () => {
  const dots = [
    [10, 10],
    [20, 10],
    [100, 100],
  ].map(([x = 0, y = 0], index) => ({ x, y, index, group: document.createElement("i") }));

  test("is the one with the smallest distance", () => {
    expect(nearestDot(dots, { x: 16, y: 10 })?.index).toBe(1);
  });

  test("is none where all are farther than 16 px", () => {
    expect(nearestDot(dots, { x: 100, y: 84 })?.index).toBe(2);
    expect(nearestDot(dots, { x: 100, y: 83.9 })).toBeUndefined();
    expect(nearestDot([], { x: 0, y: 0 })).toBeUndefined();
  });
});

describe("a tooltip stands", () => {
  const figure = { width: 400, height: 300 };
  const size = { width: 120, height: 40 };

  test("right below its dot where there is room", () => {
    expect(placeTooltip({ x: 50, y: 60 }, size, figure)).toEqual({ left: 62, top: 72 });
  });

  test("on the other side of a dot near the right or the lower edge", () => {
    expect(placeTooltip({ x: 390, y: 290 }, size, figure)).toEqual({ left: 258, top: 238 });
  });

  test("inside a figure that has no room on either side", () => {
    expect(placeTooltip({ x: 60, y: 20 }, size, { width: 130, height: 50 })).toEqual({ left: 4, top: 4 });
    expect(placeTooltip({ x: 60, y: 20 }, size, { width: 130, height: 200 })).toEqual({ left: 4, top: 32 });
  });
});

test("the pointer near a dot shows the dot's row and marks the dot", () => {
  const figure = addFigure("outside", [50, 60], [200, 60]);
  pointAt(figure, 58, 62);
  expect(shownIn(figure)).toEqual(["Austria", "ruggedness 3.51"]);
  expect(marked()).toEqual([50]);
});

test("the class may be on a box around the figure, with other things that the pointer can be over", () => {
  const figure = addFigure("", [50, 60]);
  const box = document.createElement("div");
  box.className = "outside";
  const note = document.createElement("p");
  root.append(box);
  box.append(figure, note);
  pointAt(note, 50, 60);
  expect(shownIn(figure)?.[0]).toBe("Austria");
});

test("away from every dot nothing is shown or marked", () => {
  const figure = addFigure("outside", [50, 60]);
  pointAt(figure, 58, 62);
  pointAt(figure, 150, 62);
  expect(shownIn(figure)).toBeNull();
  expect(marked()).toEqual([]);
});

test("names are text and never markup", () => {
  const figure = addFigure("outside", [50, 60], [200, 60]);
  pointAt(figure, 200, 60);
  expect(shownIn(figure)).toEqual([HOSTILE, HOSTILE]);
  expect(figure.querySelector("img")).toBeNull();
});

test("each figure has its own rows, and going from one to the other leaves nothing behind", () => {
  const outside = addFigure("outside", [50, 60]);
  const inside = addFigure("inside", [50, 60]);
  pointAt(outside, 50, 60);
  pointAt(inside, 50, 60);
  expect(shownIn(outside)).toBeNull();
  expect(shownIn(inside)).toEqual(["Lesotho", "ruggedness 6.20"]);
  expect(root.querySelectorAll("[role=tooltip]")).toHaveLength(1);
});

test("a dot without a row, one that is not drawn, and a figure without rows show nothing", () => {
  const outside = addFigure("outside", [50, 60], [90, 60], [150, 60]);
  const hidden = outside.querySelectorAll(".dot")[0] as Element;
  placeAt(hidden, 150, 110, 0, 0);
  const other = addFigure("elbo", [50, 60]);
  for (const [figure, x] of [
    [outside, 50],
    [outside, 150],
    [other, 50],
  ] as const) {
    pointAt(figure, x, 60);
    expect(shownIn(figure)).toBeNull();
  }
  pointAt(outside, 90, 60);
  expect(shownIn(outside)).toEqual([HOSTILE, HOSTILE]);
});

test("texts of a Label mark, which bqplot draws in groups of the same class, are not counted as dots", () => {
  const figure = addFigure("outside", [50, 60]);
  const label = document.createElementNS(SVG, "g");
  label.setAttribute("class", "object_grp");
  label.append(document.createElementNS(SVG, "text"));
  figure.querySelector("svg")?.prepend(label);
  pointAt(figure, 50, 60);
  expect(shownIn(figure)?.[0]).toBe("Austria");
});

test("a tooltip that is wider than its figure is made narrower", () => {
  const figure = addFigure("outside", [50, 60]);
  pointAt(figure, 150, 60);
  const tooltip = figure.querySelector("[role=tooltip]") as HTMLElement;
  placeAt(tooltip, 0, 0, 900, 40);
  pointAt(figure, 50, 60);
  expect(tooltip.style.maxWidth).toBe("392px");
});

test("leaving the widget hides everything", () => {
  const figure = addFigure("outside", [50, 60]);
  pointAt(figure, 50, 60);
  root.dispatchEvent(new PointerEvent("pointerleave"));
  expect(root.querySelector("[role=tooltip], .rw-hovered")).toBeNull();
});

test("Escape hides the tooltip until the pointer comes to another dot", () => {
  const figure = addFigure("outside", [50, 60], [200, 60]);
  pointAt(figure, 50, 60);
  document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  expect(shownIn(figure)).toBeNull();
  pointAt(figure, 51, 60);
  expect(shownIn(figure)).toBeNull();
  pointAt(figure, 200, 60);
  pointAt(figure, 50, 60);
  expect(shownIn(figure)?.[0]).toBe("Austria");
});

test("places are measured once as long as the dots stand still, and again when they move", async () => {
  const figure = addFigure("outside", [50, 60]);
  const dot = figure.querySelector(".dot") as Element;
  const measure = vi.spyOn(dot, "getBoundingClientRect");
  pointAt(figure, 50, 60);
  pointAt(figure, 52, 60);
  pointAt(figure, 54, 60);
  expect(measure).toHaveBeenCalledTimes(1);
  placeAt(dot, 100 + 196, 50 + 56, 8, 8);
  dot.parentElement?.setAttribute("transform", "translate(200, 60)");
  await settle();
  expect(shownIn(figure)).toBeNull();
  pointAt(figure, 200, 60);
  expect(shownIn(figure)?.[0]).toBe("Austria");
});

test("after scrolling the same dot is found where it is now", () => {
  const figure = addFigure("outside", [50, 60]);
  pointAt(figure, 50, 60);
  placeAt(figure, 100, 50 - 40, 400, 300);
  pointAt(figure, 50, 20);
  expect(shownIn(figure)?.[0]).toBe("Austria");
});

test("rows that the kernel changes are shown from then on", () => {
  const figure = addFigure("outside", [50, 60]);
  pointAt(figure, 50, 60);
  entries = [{ figure: "outside", rows: [{ title: "Chad", text: "" }] }];
  pointAt(figure, 50, 60);
  expect(shownIn(figure)).toEqual(["Chad", ""]);
});

test("two views of one widget each show their own tooltip", () => {
  const figure = addFigure("outside", [50, 60]);
  const secondRoot = document.createElement("div");
  document.body.append(secondRoot);
  const endSecond = showHovered(secondRoot, () => entries);
  const second = addFigure("outside", [50, 60]);
  secondRoot.append(second);
  pointAt(figure, 50, 60);
  pointAt(second, 50, 60);
  expect([shownIn(figure)?.[0], shownIn(second)?.[0]]).toEqual(["Austria", "Austria"]);
  endSecond();
  expect([shownIn(figure)?.[0], shownIn(second)]).toEqual(["Austria", null]);
  secondRoot.remove();
});

test("after disposal the pointer shows nothing and nothing is left in the figure", () => {
  const figure = addFigure("outside", [50, 60]);
  pointAt(figure, 50, 60);
  end();
  expect(root.querySelector("[role=tooltip], .rw-hovered")).toBeNull();
  pointAt(figure, 50, 60);
  expect(shownIn(figure)).toBeNull();
});
