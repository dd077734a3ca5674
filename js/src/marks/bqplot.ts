// What our front end knows of the inside of bqplot 0.13: read here and nowhere else, and checked before it is used.
import type { TraitState } from "../codec";
import type { Target } from "../stream";
import type { Viewed } from "../views";
import type { Axis, Vector } from "./path";

/** A curve of a Lines mark as bqplot keeps it, bound to the element that it is drawn into. */
export interface Curve {
  values: { x: number; y: number; y0: number; sub_index: number }[];
}
/** A dot of a Scatter mark, bound to its element too. */
export interface Dot {
  x: number;
  y: number;
}

/** The model of a mark. `update_data` makes `mark_data` of the attributes, and all views draw that. */
export interface MarkModel extends Target, Viewed<MarkView> {
  attributes: Record<string, unknown>;
  get(name: string): unknown;
  mark_data: Curve[] | Dot[];
  dirty: boolean;
  update_data(): void;
}

export interface MarkView {
  el: Element;
  scales: Record<string, ScaleView | undefined>;
  parent: { plotareaHeight: number };
}

interface ScaleView {
  model: { get(name: string): unknown };
  scale: { domain(): number[]; range(): number[] };
  offset: number;
}

/** Says whether a target is the model of a mark of this class, as bqplot makes them. */
export function isMark(target: Target, name: string): target is MarkModel {
  const model = target as Partial<MarkModel>;
  return (
    typeof model.get === "function" &&
    model.get("_model_name") === name &&
    model.get("_model_module") === "bqplot" &&
    typeof model.update_data === "function" &&
    typeof model.attributes === "object" &&
    Array.isArray(model.mark_data)
  );
}

/** Both axes of a view; undefined where one is no straight line from values to pixels, or follows the mark's data. */
export function axesOf(model: MarkModel, view: MarkView): readonly [Axis, Axis] | undefined {
  const across = axisOf(model, view, "x");
  const up = axisOf(model, view, "y");
  return across && up && [across, up];
}

function axisOf(model: MarkModel, view: MarkView, name: "x" | "y"): Axis | undefined {
  const scale = view.scales?.[name];
  if (typeof scale?.scale?.domain !== "function" || scale.model.get("_model_name") !== "LinearScaleModel") {
    return undefined;
  }
  const preserved = model.get("preserve_domain") as Record<string, boolean> | undefined;
  const fixed = typeof scale.model.get("min") === "number" && typeof scale.model.get("max") === "number";
  if (!fixed && !preserved?.[name]) return undefined;
  const [low, high, ...more] = scale.scale.domain();
  const [from, to] = scale.scale.range();
  if (low === undefined || high === undefined || from === undefined || to === undefined) return undefined;
  const slope = (to - from) / (high - low);
  const origin = from + (scale.offset || 0);
  return more.length === 0 && Number.isFinite(slope) && Number.isFinite(origin) ? { low, slope, origin } : undefined;
}

/** The elements of a class that are directly in a view, where each is drawn from the data of its place. */
export function elementsOf(view: MarkView, cssClass: string, data: readonly object[]): Element[] | undefined {
  const elements = Array.from(view.el.children).filter((element) => element.classList.contains(cssClass));
  return areBound(elements, data) ? elements : undefined;
}

/** Says whether elements still stand for the data of their places: d3 keeps what an element is drawn from in it. */
export function areBound(elements: readonly Element[], data: readonly object[]): boolean {
  return (
    elements.length === data.length &&
    elements.every(
      (element, at) => element.parentNode !== null && (element as { __data__?: unknown }).__data__ === data[at],
    )
  );
}

/** The values that a frame has for a trait, or those that the model holds. */
export function traitOf(model: MarkModel, state: TraitState, name: "x" | "y"): unknown {
  return name in state ? state[name] : model.attributes[name];
}

export function isVector(value: unknown): value is Vector {
  return ArrayBuffer.isView(value) || (Array.isArray(value) && typeof value[0] === "number");
}

/** A redraw that d3 will make of an element, with a value that was computed when it was asked for. */
interface Redraw {
  state: number;
  timer: { stop(): void };
}

/** What d3 calls a redraw that has ended. */
const ENDED = 6;

/**
 * Ends the redraws that are still to come of an element which is drawn directly now.
 *
 * bqplot asks for one where a scale changes, before the mark has the data of the same frame: it would be drawn an
 * animation frame later, with the data before.
 *
 * @returns whether there were any
 */
export function endRedraws(element: Element): boolean {
  const held = element as { __transition?: Record<string, Redraw> };
  if (held.__transition === undefined) return false;
  for (const redraw of Object.values(held.__transition)) {
    redraw.state = ENDED;
    redraw.timer.stop();
  }
  delete held.__transition;
  return true;
}
