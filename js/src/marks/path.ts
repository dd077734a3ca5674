import { endRedraws } from "./bqplot";

/** Numbers, as bqplot's marks hold them: typed arrays or plain ones. */
export type Vector = ArrayLike<number>;

/** Pixels of values: origin + slope * (value - low). */
export interface Axis {
  low: number;
  slope: number;
  origin: number;
}

/** A tenth of a pixel is not seen: what is compared and written are whole numbers of it. */
const TENTHS = 10;
/** In the place of a y that is not drawn: the curve breaks off and begins again behind it. */
const GAP = Number.POSITIVE_INFINITY;
/** Texts of whole tenths up to the widest of figures, each made once. */
const texts: string[] = [];
const MAX_TEXTS = 40_000;
/** Where a path's coordinates are computed before they are compared; it grows to the longest path. */
let scratch = new Float64Array(4096);

/** Pixels of a value in tenths, a whole number. */
export function tenths({ low, slope, origin }: Axis, value: number): number {
  return Math.round(TENTHS * (origin + slope * (value - low)));
}

/** Writes tenths of a pixel as pixels. */
export function pixels(value: number): string {
  if (value < 0 || value >= MAX_TEXTS || Object.is(value, -0)) return String(value / TENTHS + 0);
  let text = texts[value];
  if (text === undefined) texts[value] = text = String(value / TENTHS);
  return text;
}

/** An SVG path that is only written where it moves by a tenth of a pixel or more. */
export class MovingPath {
  readonly #element: Element;
  #points = new Float64Array(0);
  #length = -1;

  constructor(element: Element) {
    this.#element = element;
  }

  /** Draws a curve through the points; a y that is not finite breaks it. */
  drawLine(x: Vector, y: Vector, across: Axis, up: Axis, closed: boolean): void {
    const length = 2 * x.length;
    reserve(length);
    for (let at = 0; at < x.length; at++) {
      scratch[2 * at] = tenths(across, x[at] as number);
      scratch[2 * at + 1] = height(up, y[at]);
    }
    if (this.#moves(length)) this.#element.setAttribute("d", linePath(scratch, length) + (closed ? "Z" : ""));
  }

  /** Draws the area between two curves; `bottom` may be one height in pixels for all. */
  drawArea(x: Vector, top: Vector, bottom: Vector | number, across: Axis, up: Axis): void {
    const length = 3 * x.length;
    reserve(length);
    for (let at = 0; at < x.length; at++) {
      scratch[3 * at] = tenths(across, x[at] as number);
      scratch[3 * at + 1] = height(up, top[at]);
      scratch[3 * at + 2] = typeof bottom === "number" ? Math.round(TENTHS * bottom) : height(up, bottom[at]);
    }
    if (this.#moves(length)) this.#element.setAttribute("d", areaPath(scratch, length));
  }

  /** Notes where the points are now; false where they have been there before, and stay there. */
  #moves(length: number): boolean {
    const redrawn = endRedraws(this.#element);
    let same = !redrawn && length === this.#length;
    for (let at = 0; same && at < length; at++) same = scratch[at] === this.#points[at];
    if (same) return false;
    if (this.#points.length < length) this.#points = new Float64Array(scratch.length);
    this.#points.set(scratch.subarray(0, length));
    this.#length = length;
    return true;
  }
}

/** A group that is only moved where its place changes by a tenth of a pixel or more. */
export class MovingGroup {
  readonly #element: Element;
  #x = Number.NaN;
  #y = Number.NaN;

  constructor(element: Element) {
    this.#element = element;
  }

  /** @param x, y in tenths of a pixel */
  moveTo(x: number, y: number): void {
    if (!endRedraws(this.#element) && x === this.#x && y === this.#y) return;
    this.#x = x;
    this.#y = y;
    this.#element.setAttribute("transform", `translate(${pixels(x)},${pixels(y)})`);
  }
}

function reserve(length: number): void {
  if (scratch.length < length) scratch = new Float64Array(2 * length);
}

function height(up: Axis, y: number | undefined): number {
  const pixel = tenths(up, y ?? Number.NaN);
  return Number.isFinite(pixel) ? pixel : GAP;
}

/** Pairs of x and y, written as d3.line does: a point that stands alone is closed, so that its cap is drawn. */
function linePath(points: Float64Array, length: number): string {
  let path = "";
  let run = 0;
  for (let at = 0; at < length; at += 2) {
    const y = points[at + 1] as number;
    if (y === GAP) {
      if (run === 1) path += "Z";
      run = 0;
    } else {
      path += `${run === 0 ? "M" : "L"}${pixels(points[at] as number)},${pixels(y)}`;
      run += 1;
    }
  }
  return run === 1 ? `${path}Z` : path;
}

/** Triples of x, upper and lower y, written as d3.area does: along the upper ones and back along the lower ones. */
function areaPath(points: Float64Array, length: number): string {
  let path = "";
  for (let begin = 0; begin < length; ) {
    let end = begin;
    while (end < length && points[end + 1] !== GAP) {
      path += `${end === begin ? "M" : "L"}${pixels(points[end] as number)},${pixels(points[end + 1] as number)}`;
      end += 3;
    }
    for (let at = end - 3; at >= begin; at -= 3) {
      path += `L${pixels(points[at] as number)},${pixels(points[at + 2] as number)}`;
    }
    if (end > begin) path += "Z";
    begin = end + 3;
  }
  return path;
}
