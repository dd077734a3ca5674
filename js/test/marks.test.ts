import { beforeEach, expect, test } from "vitest";
import { animated } from "../src/animation";
import { settle } from "./fakes";

const SVG = "http://www.w3.org/2000/svg";

class FakeScale {
  traits: Record<string, unknown> = { _model_name: "LinearScaleModel", min: 0, max: 1 };
  range: number[];
  offset = 0;

  constructor(range: number[]) {
    this.range = range;
  }

  view(): object {
    return {
      model: { get: (name: string) => this.traits[name] },
      scale: { domain: () => [this.traits.min, this.traits.max], range: () => this.range },
      offset: this.offset,
    };
  }
}

/** A mark of bqplot with what is read of it; `redraws` counts how often bqplot itself has drawn. */
class FakeMark {
  attributes: Record<string, unknown>;
  mark_data: object[] = [];
  views: Record<string, Promise<object>> = {};
  dirty = false;
  redraws = 0;
  x = new FakeScale([0, 100]);
  y = new FakeScale([100, 0]);
  elements: Element[] = [];

  constructor(attributes: Record<string, unknown>) {
    this.attributes = {
      _model_module: "bqplot",
      _model_name: "LinesModel",
      interpolation: "linear",
      marker: null,
      labels_visibility: "none",
      fill: "none",
      close_path: false,
      colors: ["red"],
      preserve_domain: {},
      ...attributes,
    };
    this.update_data();
  }

  get(name: string): unknown {
    return this.attributes[name];
  }

  set_state(state: object): void {
    const before = JSON.stringify([this.attributes.x, this.attributes.y]);
    Object.assign(this.attributes, state);
    if (JSON.stringify([this.attributes.x, this.attributes.y]) !== before) this.update_data();
  }

  update_data(): void {
    this.redraws += 1;
    const [x, y] = [this.attributes.x, this.attributes.y] as [number[], number[][]];
    if (this.attributes._model_name === "ScatterModel") {
      this.mark_data = x.map((value, at) => ({ x: value, y: y[at] }));
    } else {
      this.mark_data = y.map((row, at) => ({
        values: Array.from(row, (value, j) => ({ x: x[j], y: value, y0: (y[at + 1] ?? row)[j], sub_index: j })),
      }));
    }
    for (const group of this.elements) this.bind(group);
  }

  bind(group: Element): void {
    Array.from(group.children).forEach((child, at) => {
      Object.assign(child, { __data__: this.mark_data[at] });
    });
  }

  /** A view as bqplot makes one: a group an element of the data. */
  show(id = "view"): Element {
    const group = document.createElementNS(SVG, "g");
    for (const _ of this.mark_data) {
      const child = group.appendChild(document.createElementNS(SVG, "g"));
      child.setAttribute("class", this.attributes._model_name === "ScatterModel" ? "object_grp" : "curve");
      for (const name of ["line", "area"]) {
        child.appendChild(document.createElementNS(SVG, "path")).setAttribute("class", name);
      }
    }
    this.bind(group);
    this.elements.push(group);
    const view = { el: group, scales: { x: this.x.view(), y: this.y.view() }, parent: { plotareaHeight: 100 } };
    this.views[id] = Promise.resolve(view);
    return group;
  }
}

function paths(group: Element, name = "line"): (string | null)[] {
  return Array.from(group.querySelectorAll(`.${name}`), (path) => path.getAttribute("d"));
}

const numbers = (...values: number[]) => new Float64Array(values);
const X = [0, 0.5, 1];
let mark: FakeMark;

beforeEach(() => {
  mark = new FakeMark({ x: X, y: [[0, 0, 0]] });
});

/** What draws the mark, once its views are known. */
async function begun(): Promise<{ animate(state: object): void; set_state(state: object): void }> {
  const drawn = animated(mark as never);
  drawn.animate?.({} as never); // asks for the views
  await settle();
  mark.redraws = 0;
  return drawn as never;
}

test("a line is written as bqplot writes it, to a tenth of a pixel, and bqplot does not draw", async () => {
  const group = mark.show();
  const drawn = await begun();
  drawn.animate({ y: [numbers(0, 0.12345, 1)] });
  expect(paths(group)).toEqual(["M0,100L50,87.7L100,0"]);
  expect(mark.redraws).toBe(0);
});

test("a value that is not finite breaks a line, and a point alone is closed, so that its cap shows", async () => {
  const group = mark.show();
  const drawn = await begun();
  drawn.animate({ x: numbers(0, 0.1, 0.2, 0.3), y: [numbers(0, Number.NaN, 0.5, 1)] });
  expect(paths(group)).toEqual(["M0,100ZM20,50L30,0"]);
});

test("a band is the area between its rows; its transparent lines are not written", async () => {
  mark = new FakeMark({ x: X, y: [X, X], fill: "between", colors: ["transparent"] });
  const group = mark.show();
  const drawn = await begun();
  drawn.animate({ y: [numbers(0, 0, 0), numbers(0.5, 0.5, 1)] });
  expect(paths(group, "area")).toEqual(["M0,100L50,100L100,100L100,0L50,50L0,50Z", null]);
  expect(paths(group)).toEqual([null, null]);
});

test("an area down to the axis", async () => {
  mark = new FakeMark({ x: X, y: [X], fill: "bottom" });
  const group = mark.show();
  const drawn = await begun();
  drawn.animate({ y: [numbers(0.5, 1, 0.5)] });
  expect(paths(group, "area")).toEqual(["M0,50L50,0L100,50L100,100L50,100L0,100Z"]);
});

test("what does not move by a tenth of a pixel is not written again", async () => {
  const group = mark.show();
  const drawn = await begun();
  drawn.animate({ y: [numbers(0, 0.5, 1)] });
  group.querySelector(".line")?.setAttribute("d", "untouched");
  drawn.animate({ y: [numbers(0, 0.5001, 1)] });
  expect(paths(group)).toEqual(["untouched"]);
  drawn.animate({ y: [numbers(0, 0.501, 1)] });
  expect(paths(group)).toEqual(["M0,100L50,49.9L100,0"]);
});

test("attributes and points that bqplot keeps are current, so that it may draw at any moment", async () => {
  mark.show();
  const drawn = await begun();
  const points = mark.mark_data;
  const state = { x: numbers(0, 1), y: [numbers(0.25, 0.75)] };
  drawn.animate(state);
  expect(mark.attributes).toMatchObject(state);
  expect(mark.mark_data).toBe(points);
  expect(points).toEqual([
    {
      values: [
        { x: 0, y: 0.25, y0: 0.25, sub_index: 0 },
        { x: 1, y: 0.75, y0: 0.75, sub_index: 1 },
      ],
    },
  ]);
});

test("at rest bqplot draws, even what is drawn already", async () => {
  mark.show();
  const drawn = await begun();
  const state = { y: [[0, 0.5, 1]] };
  drawn.animate({ y: [numbers(0, 0.5, 1)] });
  drawn.set_state(state);
  expect(mark.redraws).toBe(1);
  drawn.animate(state);
  drawn.set_state(state);
  expect(mark.redraws).toBe(2);
  drawn.set_state(state);
  expect(mark.redraws).toBe(2);
});

test("after bqplot has drawn something else, what was drawn before is written again", async () => {
  const group = mark.show();
  const drawn = await begun();
  drawn.animate({ y: [numbers(0, 0.5, 1)] });
  drawn.set_state({ y: [[1, 1, 1]] });
  group.querySelector(".line")?.setAttribute("d", "drawn by bqplot");
  drawn.animate({ y: [numbers(0, 0.5, 1)] });
  expect(paths(group)).toEqual(["M0,100L50,50L100,0"]);
});

test("every view is drawn in its own size; one that comes later is drawn by bqplot until it is known", async () => {
  const first = mark.show("first");
  const drawn = await begun();
  mark.x = new FakeScale([0, 10]);
  const second = mark.show("second");
  drawn.animate({ y: [numbers(0, 0, 1)] });
  expect(mark.redraws).toBe(1);
  await settle();
  drawn.animate({ y: [numbers(0, 0.5, 1)] });
  expect([...paths(first), ...paths(second)]).toEqual(["M0,100L50,50L100,0", "M0,100L5,50L10,0"]);
  delete mark.views.first;
  drawn.animate({ y: [numbers(0, 1, 1)] });
  expect(mark.redraws).toBe(2);
});

test.each<[string, (mark: FakeMark) => void, object]>([
  ["another interpolation", (mark) => Object.assign(mark.attributes, { interpolation: "basis" }), {}],
  ["markers", (mark) => Object.assign(mark.attributes, { marker: "circle" }), {}],
  ["labels", (mark) => Object.assign(mark.attributes, { labels_visibility: "label" }), {}],
  ["an axis that follows the data", (mark) => Object.assign(mark.y.traits, { min: null }), {}],
  ["a logarithmic axis", (mark) => Object.assign(mark.x.traits, { _model_name: "LogScaleModel" }), {}],
  ["an axis of no length", (mark) => Object.assign(mark.x.traits, { min: 1 }), {}],
  ["a change of the model that is under way", (mark) => Object.assign(mark, { dirty: true }), {}],
  ["an element that is gone", (mark) => mark.elements[0]?.replaceChildren(), {}],
  ["elements that stand for other data", (mark) => Object.assign(mark, { mark_data: [{ values: [] }] }), {}],
  ["another number of rows", () => {}, { y: [numbers(0, 0, 0), numbers(0, 0, 0)] }],
  ["rows of another length than x", () => {}, { y: [numbers(0, 0)] }],
  ["an x that is not finite", () => {}, { x: numbers(0, Number.NaN, 1) }],
  ["no points", () => {}, { x: [], y: [] }],
  ["a change of style", () => {}, { visible: false }],
])("bqplot draws where there is %s", async (_, change, state) => {
  const group = mark.show();
  const drawn = await begun();
  change(mark);
  drawn.animate({ y: [numbers(0.5, 0.5, 0.5)], ...state });
  expect(paths(group)).not.toContain("M0,50L50,50L100,50");
  expect(mark.redraws).toBe(1);
});

test("dots are moved, and only those that have moved", async () => {
  mark = new FakeMark({ _model_name: "ScatterModel", x: [0, 1], y: [0, 1] });
  const group = mark.show();
  const drawn = await begun();
  const places = () => Array.from(group.children, (child) => child.getAttribute("transform"));
  drawn.animate({ x: numbers(0.5, 1), y: numbers(0, 0.25) });
  expect(places()).toEqual(["translate(50,100)", "translate(100,75)"]);
  expect(mark.mark_data).toEqual([
    { x: 0.5, y: 0 },
    { x: 1, y: 0.25 },
  ]);
  group.children[0]?.setAttribute("transform", "untouched");
  drawn.animate({ y: numbers(0, 0.5) });
  expect(places()).toEqual(["untouched", "translate(100,50)"]);
  expect(mark.redraws).toBe(0);
  drawn.animate({ x: numbers(1), y: numbers(1) });
  expect(mark.redraws).toBe(1);
});

test.each([
  ["LinesModel", ".line", { x: X, y: [[0, 0, 0]] }, { y: [numbers(0.5, 0.5, 0.5)] }],
  ["ScatterModel", ".object_grp", { x: [0], y: [0] }, { y: numbers(0.5) }],
])(
  "what bqplot was about to draw of a %s with the data before is not drawn any more",
  async (name, of, first, next) => {
    mark = new FakeMark({ _model_name: name, ...first });
    const group = mark.show();
    const drawn = await begun();
    const element = group.querySelector(of) as Element;
    const stopped: string[] = [];
    const redraw = { state: 1, timer: { stop: () => stopped.push(name) } };
    Object.assign(element, { __transition: { 7: redraw } });
    drawn.animate(next);
    expect([redraw.state, stopped]).toEqual([6, [name]]);
    expect(element).not.toHaveProperty("__transition");
    const attribute = name === "LinesModel" ? "d" : "transform";
    const shape = element.getAttribute(attribute);
    element.setAttribute(attribute, "drawn by bqplot meanwhile");
    Object.assign(element, { __transition: { 8: redraw } });
    drawn.animate(next); // the same data again
    expect(element.getAttribute(attribute)).toBe(shape);
  },
);

test("a target that is no such mark is left alone, and one mark is drawn by one", () => {
  const text = { set_state: () => {} };
  expect(animated(text)).toBe(text);
  expect(animated(mark as never)).toBe(animated(mark as never));
});
