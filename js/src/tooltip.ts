import type { Dispose } from "./lifetime";

export interface TooltipText {
  title: string;
  text: string;
}

export interface Tooltip {
  /** @param at in px from the upper left corner of the figure */
  show(row: TooltipText, at: { x: number; y: number }): void;
  hide(): void;
  dispose: Dispose;
}

interface Size {
  width: number;
  height: number;
}

/** Between a dot and its tooltip, and between a tooltip and the edge of its figure, in px. */
const GAP_PX = 12;
const EDGE_PX = 4;

/**
 * Where the upper left corner of a tooltip goes: right below the dot, on the other side where there is no room, and in
 * any case inside the figure.
 */
export function placeTooltip(
  dot: { x: number; y: number },
  tooltip: Size,
  figure: Size,
): { left: number; top: number } {
  return {
    left: placeAlong(dot.x, tooltip.width, figure.width),
    top: placeAlong(dot.y, tooltip.height, figure.height),
  };
}

function placeAlong(at: number, length: number, room: number): number {
  const after = at + GAP_PX;
  const before = at - GAP_PX - length;
  const wanted = after + length <= room - EDGE_PX ? after : before;
  return Math.max(EDGE_PX, Math.min(wanted, room - EDGE_PX - length));
}

/** A hidden tooltip inside the figure; classes for the style sheet: rw-tooltip, rw-tooltip-title, rw-tooltip-text. */
export function createTooltip(figure: HTMLElement): Tooltip {
  const element = document.createElement("div");
  element.className = "rw-tooltip";
  element.setAttribute("role", "tooltip");
  // Position is not left to the style sheet: it belongs to the arithmetic above. `fixed` would not work in VS Code.
  element.style.cssText =
    "display:none;position:absolute;left:0;top:0;pointer-events:none;box-sizing:border-box;width:max-content";
  const title = document.createElement("div");
  title.className = "rw-tooltip-title";
  const text = document.createElement("div");
  text.className = "rw-tooltip-text";
  element.append(title, text);
  figure.append(element);
  return {
    show(row, at) {
      if (getComputedStyle(figure).position === "static") figure.style.position = "relative";
      title.textContent = row.title;
      text.textContent = row.text;
      element.style.display = "";
      const box = figure.getBoundingClientRect();
      const room = box.width - 2 * EDGE_PX;
      element.style.maxWidth = "";
      if (element.getBoundingClientRect().width > room) element.style.maxWidth = `${room}px`;
      const { left, top } = placeTooltip(at, element.getBoundingClientRect(), box);
      element.style.transform = `translate(${left}px, ${top}px)`;
    },
    hide() {
      element.style.display = "none";
    },
    dispose: () => element.remove(),
  };
}
