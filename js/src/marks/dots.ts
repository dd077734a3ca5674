import type { TraitState } from "../codec";
import { areBound, axesOf, type Dot, elementsOf, isVector, type MarkModel, type MarkView, traitOf } from "./bqplot";
import type { Brush } from "./direct";
import { type Axis, MovingGroup, tenths } from "./path";

/** Where a view draws the dots of `data`. */
interface Drawing {
  data: readonly Dot[];
  groups: readonly Element[];
  moving: readonly MovingGroup[];
}

/** Draws bqplot's Scatter: each dot a group that is moved. */
export class DotsBrush implements Brush {
  readonly #model: MarkModel;
  readonly #drawings = new WeakMap<MarkView, Drawing>();

  constructor(model: MarkModel) {
    this.#model = model;
  }

  draw(state: TraitState, views: readonly MarkView[]): boolean {
    const model = this.#model;
    if (model.dirty || !Object.keys(state).every((name) => name === "x" || name === "y")) return false;
    const x = traitOf(model, state, "x");
    const y = traitOf(model, state, "y");
    const data = model.mark_data as Dot[];
    if (!isVector(x) || !isVector(y) || x.length !== data.length || y.length !== data.length) return false;
    for (let at = 0; at < x.length; at++) {
      if (!Number.isFinite(x[at]) || !Number.isFinite(y[at])) return false;
    }
    const places: [Drawing, readonly [Axis, Axis]][] = [];
    for (const view of views) {
      const axes = axesOf(model, view);
      const drawing = axes && !view.scales.rotation ? this.#drawingOf(view, data) : undefined;
      if (axes === undefined || drawing === undefined) return false;
      places.push([drawing, axes]);
    }
    Object.assign(model.attributes, state);
    data.forEach((dot, at) => {
      dot.x = x[at] as number;
      dot.y = y[at] as number;
      for (const [{ moving }, [across, up]] of places) moving[at]?.moveTo(tenths(across, dot.x), tenths(up, dot.y));
    });
    return true;
  }

  #drawingOf(view: MarkView, data: readonly Dot[]): Drawing | undefined {
    const before = this.#drawings.get(view);
    if (before?.data === data && areBound(before.groups, data)) return before;
    const groups = elementsOf(view, "object_grp", data);
    if (groups === undefined) return undefined;
    const drawing = { data, groups, moving: groups.map((group) => new MovingGroup(group)) };
    this.#drawings.set(view, drawing);
    return drawing;
  }
}
