import type { TraitState } from "../codec";
import { areBound, axesOf, type Curve, elementsOf, isVector, type MarkModel, type MarkView, traitOf } from "./bqplot";
import type { Brush } from "./direct";
import { type Axis, MovingPath, type Vector } from "./path";

const FILLS = ["none", "inside", "between", "bottom", "top"];
const TRANSPARENT = "transparent";

/** The points of all curves of a mark, row by row. */
interface Rows {
  x: readonly Vector[];
  y: readonly Vector[];
}
/** Where a view draws the curves of `data`. */
interface Drawing {
  data: readonly Curve[];
  curves: readonly Element[];
  lines: readonly MovingPath[];
  areas: readonly MovingPath[];
}
interface Place {
  drawing: Drawing;
  axes: readonly [Axis, Axis];
  view: MarkView;
}

/** Draws bqplot's Lines: each curve one path, each filled area another. */
export class LinesBrush implements Brush {
  readonly #model: MarkModel;
  readonly #drawings = new WeakMap<MarkView, Drawing>();

  constructor(model: MarkModel) {
    this.#model = model;
  }

  draw(state: TraitState, views: readonly MarkView[]): boolean {
    const model = this.#model;
    if (!isPlain(model) || !Object.keys(state).every((name) => name === "x" || name === "y")) return false;
    const rows = readRows(traitOf(model, state, "x"), traitOf(model, state, "y"));
    const data = model.mark_data as Curve[];
    const between = model.get("fill") === "between";
    if (rows === undefined || rows.y.length !== data.length || !isDrawable(rows, between)) return false;
    const places: Place[] = [];
    for (const view of views) {
      const axes = axesOf(model, view);
      const drawing = axes && this.#drawingOf(view, data);
      if (axes === undefined || drawing === undefined) return false;
      places.push({ drawing, axes, view });
    }
    Object.assign(model.attributes, state);
    data.forEach((curve, at) => {
      keepPoints(curve, at, rows);
    });
    for (const place of places) this.#drawIn(place, rows);
    return true;
  }

  #drawingOf(view: MarkView, data: readonly Curve[]): Drawing | undefined {
    const before = this.#drawings.get(view);
    if (before?.data === data && areBound(before.curves, data)) return before;
    const curves = elementsOf(view, "curve", data);
    const lines = curves?.map((curve) => curve.querySelector(":scope > path.line"));
    const areas = curves?.map((curve) => curve.querySelector(":scope > path.area"));
    if (!curves || !lines?.every((path) => path !== null) || !areas?.every((path) => path !== null)) return undefined;
    const moving = (path: Element) => new MovingPath(path);
    const drawing = { data, curves, lines: lines.map(moving), areas: areas.map(moving) };
    this.#drawings.set(view, drawing);
    return drawing;
  }

  /** Draws what is seen: no line in a transparent colour, no area below the lowest curve of a band. */
  #drawIn({ drawing, axes: [across, up], view }: Place, { x, y }: Rows): void {
    const model = this.#model;
    const fill = model.get("fill");
    const closed = Boolean(model.get("close_path"));
    const colors = model.get("colors") as readonly string[];
    for (let at = 0; at < y.length; at++) {
      const grid = gridOf(x, at);
      const row = y[at] as Vector;
      if (fill === "inside" || colors[at % colors.length] !== TRANSPARENT) {
        drawing.lines[at]?.drawLine(grid, row, across, up, closed);
      }
      const below = fill === "between" ? y[at + 1] : { bottom: view.parent.plotareaHeight, top: 0 }[String(fill)];
      if (below !== undefined) drawing.areas[at]?.drawArea(grid, row, below, across, up);
    }
  }
}

/** Says whether the mark is drawn as points joined by straight lines, and nothing more. */
function isPlain(model: MarkModel): boolean {
  return (
    !model.dirty &&
    model.get("interpolation") === "linear" &&
    !model.get("marker") &&
    model.get("labels_visibility") === "none" &&
    FILLS.includes(String(model.get("fill")))
  );
}

/** Reads x and y as rows, as bqplot does; undefined where it takes them for something else. */
function readRows(x: unknown, y: unknown): Rows | undefined {
  const xs = isVector(x) ? [x] : x;
  const ys = isVector(y) ? [y] : y;
  if (!Array.isArray(xs) || !Array.isArray(ys) || !xs.every(isVector) || !ys.every(isVector)) return undefined;
  const length = xs[0]?.length ?? 0;
  const even = [xs, ys].every((rows) => rows.every((row) => row.length === length));
  return length > 0 && even && (xs.length === 1 || xs.length === ys.length) ? { x: xs, y: ys } : undefined;
}

/** The x of a row; one for all rows where there is no more. */
function gridOf(x: readonly Vector[], at: number): Vector {
  return (x.length === 1 ? x[0] : x[at]) as Vector;
}

/** bqplot leaves a point out where its y is not finite; it draws anything else, be it drawable or not. */
function isDrawable({ x, y }: Rows, between: boolean): boolean {
  return y.every((row, at) => {
    const grid = gridOf(x, at);
    const below = between ? y[Math.min(at + 1, y.length - 1)] : undefined;
    for (let place = 0; place < row.length; place++) {
      if (!Number.isFinite(row[place])) continue;
      if (!Number.isFinite(grid[place]) || (below !== undefined && !Number.isFinite(below[place]))) return false;
    }
    return true;
  });
}

/** Puts the points of a row where bqplot would have put new ones. */
function keepPoints({ values }: Curve, at: number, { x, y }: Rows): void {
  const grid = gridOf(x, at);
  const row = y[at] as Vector;
  const below = y[Math.min(at + 1, y.length - 1)] as Vector;
  values.length = Math.min(values.length, row.length);
  for (let place = 0; place < row.length; place++) {
    const point = values[place];
    if (point === undefined) {
      const [px, py, py0] = [grid[place] as number, row[place] as number, below[place] as number];
      values.push({ x: px, y: py, y0: py0, sub_index: place });
    } else {
      point.x = grid[place] as number;
      point.y = row[place] as number;
      point.y0 = below[place] as number;
    }
  }
}
