import { type Dispose, listen, together } from "./lifetime";
import { createTooltip, type Tooltip } from "./tooltip";

/** What is told about the scatter dots of one figure: row i belongs to dot i. */
export interface HoverEntry {
  /** CSS class of the figure, or of a box around it. */
  figure: string;
  rows: readonly HoverRow[];
}
export interface HoverRow {
  title: string;
  text: string;
}

export interface Point {
  x: number;
  y: number;
}

/** A dot where it stands inside its figure. */
export interface Dot extends Point {
  index: number;
  /** What is marked with the class rw-hovered: the group that the dot is drawn in. */
  group: Element;
}

/** How far from a dot's centre the pointer may be, in px. */
export const REACH_PX = 16;
// bqplot 0.13 draws each point of a Scatter as g.object_grp > path.dot, in the order of the data; a Label, which draws
// g.object_grp too, has no .dot in it, and a marker on a Lines mark is a .dot outside of any g.object_grp.
const GROUPS = ".object_grp:has(> .dot)";

/** The dot nearest to the point, where one is in reach. */
export function nearestDot(dots: readonly Dot[], point: Point): Dot | undefined {
  let nearest: Dot | undefined;
  let smallest = REACH_PX;
  for (const dot of dots) {
    const distance = Math.hypot(dot.x - point.x, dot.y - point.y);
    if (distance <= smallest) {
      nearest = dot;
      smallest = distance;
    }
  }
  return nearest;
}

/** Shows what a dot stands for while the pointer is near it. */
export function showHovered(root: HTMLElement, entries: () => readonly HoverEntry[]): Dispose {
  let visit: Visit | undefined;
  const leave = () => {
    visit?.dispose();
    visit = undefined;
  };
  const move = (event: PointerEvent) => {
    const found = findFigure(event.target, entries());
    if (visit?.figure !== found?.figure || visit?.rows !== found?.rows) leave();
    if (!found) return;
    visit ??= new Visit(found.figure, found.rows);
    visit.moveTo({ x: event.clientX, y: event.clientY });
  };
  return together(
    listen(root, "pointermove", move),
    listen(root, "pointerdown", move),
    listen(root, "pointerleave", leave),
    listen(root.ownerDocument, "keydown", (event) => {
      if (event.key === "Escape") visit?.dismiss();
    }),
    leave,
  );
}

/** The figure that the pointer is in, where something is to be told about it. */
function findFigure(
  target: EventTarget | null,
  entries: readonly HoverEntry[],
): { figure: HTMLElement; rows: readonly HoverRow[] } | undefined {
  if (!(target instanceof Element)) return undefined;
  for (const { figure: cssClass, rows } of entries) {
    const named = target.closest<HTMLElement>(`.${CSS.escape(cssClass)}`);
    const figure = named?.matches(".bqplot") ? named : named?.querySelector<HTMLElement>(".bqplot");
    if (figure) return { figure, rows };
  }
  return undefined;
}

/** The time that the pointer spends in one figure. */
class Visit {
  readonly figure: HTMLElement;
  readonly rows: readonly HoverRow[];
  readonly #tooltip: Tooltip;
  readonly #end: Dispose;
  #dots: Dot[] | undefined;
  #pointer: Point | undefined;
  #shown: Dot | undefined;
  #dismissed: Element | undefined;

  constructor(figure: HTMLElement, rows: readonly HoverRow[]) {
    this.figure = figure;
    this.rows = rows;
    this.#tooltip = createTooltip(figure);
    this.#end = together(this.#tooltip.dispose, this.#watchDots(), () => this.#mark(undefined));
  }

  /** @param pointer in client coordinates */
  moveTo(pointer: Point): void {
    this.#pointer = pointer;
    const box = this.figure.getBoundingClientRect();
    this.#dots ??= locateDots(this.figure, box);
    const dot = nearestDot(this.#dots, { x: pointer.x - box.left, y: pointer.y - box.top });
    if (dot?.group !== this.#dismissed) this.#dismissed = undefined;
    const row = dot && this.rows[dot.index];
    if (!row || this.#dismissed) {
      this.#mark(undefined);
      this.#tooltip.hide();
    } else if (dot !== this.#shown) {
      this.#mark(dot);
      this.#tooltip.show(row, dot);
    }
  }

  /** Hides the tooltip until the pointer comes to another dot. */
  dismiss(): void {
    this.#dismissed = this.#shown?.group;
    this.#mark(undefined);
    this.#tooltip.hide();
  }

  dispose(): void {
    this.#end();
  }

  #mark(dot: Dot | undefined): void {
    this.#shown?.group.classList.remove("rw-hovered");
    dot?.group.classList.add("rw-hovered");
    this.#shown = dot;
  }

  /** Dots stand still but for a new scale domain, another size of the figure or other data. */
  #watchDots(): Dispose {
    const moved = () => {
      this.#dots = undefined;
      this.#mark(undefined);
      if (this.#pointer) this.moveTo(this.#pointer);
    };
    const resizes = new ResizeObserver(moved);
    resizes.observe(this.figure);
    const moves = new MutationObserver(moved);
    for (const svg of this.figure.querySelectorAll("svg")) {
      moves.observe(svg, { subtree: true, childList: true, attributes: true, attributeFilter: ["transform"] });
    }
    return () => {
      resizes.disconnect();
      moves.disconnect();
    };
  }
}

/** Relative to the figure, so that scrolling changes nothing. */
function locateDots(figure: HTMLElement, box: DOMRect): Dot[] {
  const groups = Array.from(figure.querySelectorAll(GROUPS));
  return groups.flatMap((group, index) => {
    const { left, top, width, height } = (group.querySelector(".dot") ?? group).getBoundingClientRect();
    if (width === 0) return []; // not drawn: its value is not finite
    return [{ index, group, x: left - box.left + width / 2, y: top - box.top + height / 2 }];
  });
}
