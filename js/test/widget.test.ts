import { afterEach, expect, test, vi } from "vitest";
import { version as packageVersion } from "../package.json";
import createWidget, { version } from "../src/widget";
import { ack, bytesOf, settle } from "./fakes";

/** The first thing that a page says. */
const PAGE = { page: expect.any(String) };
const HELLO = { k: "hello", language: navigator.language, ...PAGE };

type Listener = (...values: never[]) => void;

/** What anywidget hands to initialize and render, with one target. */
class FakeModel {
  readonly listeners = new Map<string, Set<Listener>>();
  readonly sent: unknown[] = [];
  readonly states: unknown[] = [];
  sendError: Error | undefined;
  traits: Record<string, unknown> = { targets: ["IPY_MODEL_a"], hover: [], labels: { start: "Start training" } };
  widget_manager = {
    get_model: async () => ({ set_state: (state: unknown) => this.states.push(state) }),
  };

  get(name: string): unknown {
    return this.traits[name];
  }

  on(name: string, listener: Listener): void {
    this.listeners.set(name, (this.listeners.get(name) ?? new Set()).add(listener));
  }

  off(name: string, listener: Listener): void {
    this.listeners.get(name)?.delete(listener);
  }

  send(request: unknown): void {
    if (this.sendError) throw this.sendError;
    this.sent.push(request);
  }

  set(name: string, value: unknown): void {
    this.traits[name] = value;
    for (const listener of this.listeners.get(`change:${name}`) ?? []) listener();
  }

  receive(message: unknown, buffers: DataView[]): void {
    for (const listener of this.listeners.get("msg:custom") ?? []) listener(message as never, buffers as never);
  }

  get listening(): number {
    return [...this.listeners.values()].reduce((total, { size }) => total + size, 0);
  }
}

/** Waits until an expectation holds, however slow the machine: after a painting, and the wait before its acknowledgement. */
const eventually = (expectation: () => void) => vi.waitFor(expectation, { timeout: 240_000, interval: 10 });
/** On an idle machine longer than all of that: what has not been done by then is taken as not done. */
const painted = () => new Promise((resolve) => setTimeout(resolve, 220));
const cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
  document.body.replaceChildren();
});

/** As anywidget does it: the module's default export makes the widget, once for each model. */
async function show(model: FakeModel): Promise<{ root: HTMLElement; close: () => void; remove: () => void }> {
  const widget = createWidget();
  const close = (await widget.initialize({ model } as never)) as () => void;
  const root = document.createElement("div");
  root.className = "rugged-widget";
  root.innerHTML = `<button class="start"></button>`;
  const el = document.createElement("div");
  root.append(el);
  document.body.append(root);
  const remove = (await widget.render({ model, el } as never)) as () => void;
  cleanUps.push(remove, close);
  await settle();
  return { root, close, remove };
}

test("the version is the package's", () => {
  expect(version).toBe(packageVersion);
});

test("a frame goes from the model's message through a page to the target and is acknowledged", async () => {
  const model = new FakeModel();
  const { root } = await show(model);
  expect(model.sent).toEqual([HELLO]);
  model.receive({ k: "frame", seq: 4, layout: [[0, "y", [2]]], summary: "running, step 1" }, [bytesOf(1, 2)]);
  await eventually(() => expect(model.sent).toEqual([HELLO, ack(4, PAGE)]));
  expect(model.states).toEqual([{ y: new Float32Array([1, 2]) }]);
  expect(root.querySelector("[role=status]")?.textContent).toBe("running, step 1");
});

test("initializing does not wait for the targets, because anywidget gives it two seconds only", async () => {
  const model = new FakeModel();
  model.widget_manager.get_model = () => new Promise(() => {});
  const { close } = await show(model);
  expect(typeof close).toBe("function");
  expect(model.sent).toEqual([]);
});

test("targets that are added while frames arrive are found, and the first ones keep their numbers", async () => {
  const model = new FakeModel();
  const states: Record<string, unknown[]> = { a: [], b: [] };
  let known = ["a"];
  model.widget_manager.get_model = (async (id: string) => {
    if (!known.includes(id)) throw new Error("not yet");
    return { set_state: (state: unknown) => states[id]?.push(state) };
  }) as never;
  await show(model);
  const layout = [
    [0, "y", [1]],
    [1, "y", [1]],
  ];
  model.receive({ k: "frame", seq: 1, layout }, [bytesOf(1, 2)]);
  model.set("targets", ["IPY_MODEL_a", "IPY_MODEL_b"]);
  await eventually(() => expect(states).toEqual({ a: [{ y: new Float32Array([1]) }], b: [] }));
  known = ["a", "b"];
  await eventually(() => expect(states.b).toEqual([{ y: new Float32Array([2]) }]));
  model.receive({ k: "frame", seq: 2 }, [bytesOf(3, 4)]);
  await eventually(() => expect(model.sent).toEqual([HELLO, ack(1, PAGE), ack(2, PAGE)]));
  expect(states.a?.[1]).toEqual({ y: new Float32Array([3]) });
  expect(states.b?.[1]).toEqual({ y: new Float32Array([4]) });
});

test("names that the kernel adds are given to what is there", async () => {
  const model = new FakeModel();
  const { root } = await show(model);
  root.insertAdjacentHTML("beforeend", `<div class="widget-dropdown site"><select></select></div>`);
  await painted();
  model.set("labels", { ...(model.traits.labels as object), site: "Site" });
  await eventually(() => expect(root.querySelector("select")?.getAttribute("aria-label")).toBe("Site"));
});

test("a view names the controls around it", async () => {
  const { root } = await show(new FakeModel());
  expect(root.querySelector("button")?.getAttribute("aria-label")).toBe("Start training");
});

test("a kernel that is gone does not break the page", async () => {
  const model = new FakeModel();
  await show(model);
  const said = vi.spyOn(console, "debug").mockImplementation(() => {});
  model.sendError = new Error("Cannot send");
  model.receive({ k: "frame", seq: 4, layout: [[0, "y", [1]]] }, [bytesOf(1)]);
  await eventually(() => expect(said).toHaveBeenCalledOnce());
  model.sendError = undefined;
  model.receive({ k: "frame", seq: 5 }, [bytesOf(2)]);
  await eventually(() => expect(model.sent.slice(1)).toEqual([ack(5, PAGE)]));
  expect(said).toHaveBeenCalledOnce();
  said.mockRestore();
});

test("two views of one model show the same and only one of them speaks", async () => {
  const model = new FakeModel();
  const widget = createWidget();
  cleanUps.push((await widget.initialize({ model } as never)) as () => void);
  const views = [document.createElement("div"), document.createElement("div")];
  for (const el of views) cleanUps.push((await widget.render({ model, el } as never)) as () => void);
  await settle();
  model.receive({ k: "frame", seq: 1, layout: [[0, "y", [1]]], summary: "paused" }, [bytesOf(1)]);
  await eventually(() => expect(model.sent).toContainEqual(ack(1, PAGE)));
  expect(model.states).toHaveLength(1);
  expect(views.map((el) => el.querySelector("[role=status]")?.textContent)).toEqual(["paused", ""]);
});

test("a reloaded module takes over a model and a view from the one before it", async () => {
  const model = new FakeModel();
  const { root, close, remove } = await show(model);
  model.receive({ k: "frame", seq: 1, layout: [[0, "y", [1]]] }, [bytesOf(1)]);
  await eventually(() => expect(model.sent).toEqual([HELLO, ack(1, PAGE)]));
  // anywidget initializes the new one first, and ends the old one while that has already begun.
  const reloaded = createWidget();
  cleanUps.push((await reloaded.initialize({ model } as never)) as () => void);
  close();
  remove();
  cleanUps.push((await reloaded.render({ model, el: root.querySelector("div") } as never)) as () => void);
  await eventually(() => expect(model.sent.slice(2)).toEqual([HELLO]));
  model.receive({ k: "frame", seq: 2, layout: [[0, "y", [1]]], summary: "paused" }, [bytesOf(2)]);
  await eventually(() => expect(model.sent.slice(3)).toEqual([ack(2, PAGE)]));
  expect(model.states).toEqual([{ y: new Float32Array([1]) }, { y: new Float32Array([2]) }]);
  expect(Array.from(root.querySelectorAll("[role=status]"), (region) => region.textContent)).toEqual(["paused"]);
});

test("closing the model and removing the view leave no listener and no element behind", async () => {
  const model = new FakeModel();
  const { root, close, remove } = await show(model);
  model.receive({ k: "frame", seq: 1, layout: [[0, "y", [1]]] }, [bytesOf(1)]);
  remove();
  close();
  await painted();
  expect([model.listening, model.sent]).toEqual([0, [HELLO, { k: "sight", seen: false, ...PAGE }]]);
  expect(root.querySelector("[role=status], [role=tooltip]")).toBeNull();
});
