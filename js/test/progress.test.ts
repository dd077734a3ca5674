import { expect, test } from "vitest";
import { animated } from "../src/animation";
import { percentOf } from "../src/progress";
import { settle } from "./fakes";

/** ipywidgets' model and view of a progress bar. */
class FakeProgress {
  attributes: Record<string, unknown> = {
    _model_name: "FloatProgressModel",
    orientation: "horizontal",
    min: 0,
    max: 1,
    value: 0,
  };
  views = {};
  bar = document.createElement("div");
  updates = 0;

  constructor() {
    const el = document.createElement("div");
    el.append(this.bar);
    this.bar.className = "progress-bar";
    const update = () => {
      this.updates += 1;
      this.bar.style.width = `${100 * (this.attributes.value as number)}%`;
    };
    this.views = { one: Promise.resolve({ el, update }) };
  }

  get(name: string): unknown {
    return this.attributes[name];
  }

  set_state(state: object): void {
    Object.assign(this.attributes, state);
  }
}

async function shown(): Promise<{ model: FakeProgress; bar: ReturnType<typeof animated> }> {
  const model = new FakeProgress();
  const bar = animated(model as never);
  bar.animate?.({ value: 0 });
  await settle();
  return { model, bar };
}

test("while frames stream the bar is moved by a transform, and nothing is laid out", async () => {
  const { model, bar } = await shown();
  bar.animate?.({ value: 0.25 });
  expect(model.bar.style.transform).toBe("scaleX(0.25)");
  expect(model.bar.style.width).toBe("");
  expect(percentOf(model.bar)).toBe(25);
  expect(model.get("value")).toBe(0.25);
  expect(model.updates).toBe(0);
});

test("at rest it has the width that ipywidgets gives it", async () => {
  const { model, bar } = await shown();
  bar.animate?.({ value: 0.5 });
  bar.set_state({ value: 0.5 });
  expect([model.bar.style.transform, model.bar.style.minWidth, model.bar.style.width]).toEqual(["", "", "50%"]);
  expect(percentOf(model.bar)).toBe(50);
});

test("a bar that stands, or of no length, is left to ipywidgets", async () => {
  for (const odd of [{ orientation: "vertical" }, { max: 0 }]) {
    const { model, bar } = await shown();
    Object.assign(model.attributes, odd);
    bar.animate?.({ value: 0.5 });
    expect(model.bar.style.transform).toBe("");
    expect(model.get("value")).toBe(0.5);
  }
});
