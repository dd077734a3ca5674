import type { Dispose } from "./lifetime";
import type { Page } from "./page";
import { percentOf } from "./progress";

/** Accessible names by CSS class, and what the scripts of a page say by themselves. */
export type Labels = Readonly<Record<string, string>>;

/** How long changes of the page are collected before the names are looked after. */
const SETTLE_MS = 100;
/** The label that says how to call the number beside a slider: "{name}, value". */
const READOUT = "rw-readout";

/**
 * Names the controls and figures of a widget, which ipywidgets and bqplot leave nameless, and keeps them named while
 * views come, go and change.
 *
 * @param onNewLabels calls back whenever `labels` has changed
 */
export function nameElements(
  root: HTMLElement,
  page: Page,
  labels: () => Labels,
  onNewLabels: (run: () => void) => Dispose,
): Dispose {
  let cancel: Dispose | undefined;
  const pass = () => {
    cancel = undefined;
    applyLabels(root, labels());
  };
  const passSoon = () => {
    cancel ??= page.after(SETTLE_MS, pass);
  };
  const observer = new MutationObserver((records) => {
    // The figures redraw their SVG with every frame: that is none of our business.
    if (records.some(({ target }) => target instanceof HTMLElement)) passSoon();
  });
  observer.observe(root, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["class", "aria-valuetext"],
  });
  const stop = onNewLabels(passSoon);
  pass();
  return () => {
    stop();
    observer.disconnect();
    cancel?.();
  };
}

/** Sets every accessible name once, on whatever is there by now. */
export function applyLabels(root: HTMLElement, labels: Labels): void {
  for (const [cssClass, text] of Object.entries(labels)) {
    const name = { text, readout: (labels[READOUT] ?? "{name}").replace("{name}", text) };
    if (root.classList.contains(cssClass)) nameElement(root, name);
    for (const element of root.getElementsByClassName(cssClass)) {
      if (element instanceof HTMLElement) nameElement(element, name);
    }
  }
}

/** What an element is called, and the number that can be typed beside a slider. */
interface Name {
  text: string;
  readout: string;
}

function nameElement(element: HTMLElement, name: Name): void {
  const { text } = name;
  const handles = element.querySelectorAll<HTMLElement>(".noUi-handle");
  const figures = element.matches(".bqplot") ? [element] : element.querySelectorAll<HTMLElement>(".bqplot");
  const figure = figures[0];
  if (element.classList.contains("widget-tab")) {
    const row = element.querySelector<HTMLElement>('[role="tablist"]');
    if (row !== null) set(row, "aria-label", text);
  } else if (figure !== undefined && figures.length === 1) {
    nameFigure(figure, text);
  } else if (element.classList.contains("widget-container")) {
    nameWhole(element, text);
  } else if (handles.length > 0) {
    for (const handle of handles) nameHandle(handle, name, element.querySelector(".widget-readout"));
  } else if (element.classList.contains("widget-toggle-buttons")) {
    nameGroup(element, text);
  } else {
    nameRest(element, text);
  }
}

/** The only figure in a box is what the box is about. One name for all of it: a screen reader that spells hundreds of tick labels helps nobody. */
function nameFigure(element: HTMLElement, text: string): void {
  set(element, "role", "figure");
  set(element, "aria-label", text);
  for (const drawing of element.querySelectorAll(":scope > svg")) set(drawing, "aria-hidden", "true");
}

/** The value of a slider is what its readout says: a FloatLogSlider tells a screen reader the exponent. */
function nameHandle(handle: HTMLElement, { text, readout: name }: Name, readout: Element | null): void {
  set(handle, "aria-label", text);
  if (readout === null) return;
  const value = readout.textContent?.trim();
  if (value) set(handle, "aria-valuetext", value);
  set(readout, "role", "textbox"); // it can be typed into
  set(readout, "aria-label", name);
}

/** Which button of a ToggleButtons is pressed shows in its class only. */
function nameGroup(element: HTMLElement, text: string): void {
  set(element, "role", "group");
  set(element, "aria-label", text);
  for (const button of element.querySelectorAll("button")) {
    set(button, "aria-pressed", String(button.classList.contains("mod-active")));
  }
}

function nameRest(element: HTMLElement, text: string): void {
  const bar = element.querySelector<HTMLElement>(".progress-bar");
  const control = element.matches("input, select, textarea, button")
    ? element
    : element.querySelector<HTMLElement>("input, select, textarea, button");
  if (bar !== null) {
    set(element, "role", "progressbar");
    set(element, "aria-valuenow", String(Math.round(percentOf(bar))));
    set(element, "aria-label", text);
  } else if (control !== null) {
    set(control, "aria-label", text);
    // ipywidgets shows only by a class whether a ToggleButton is pressed.
    if (control.matches(".widget-toggle-button")) {
      set(control, "aria-pressed", String(control.classList.contains("mod-active")));
    }
  } else {
    nameWhole(element, text);
  }
}

/** A box, or a piece of text: not what is inside it, which may have names of its own. */
function nameWhole(element: HTMLElement, text: string): void {
  if (!element.hasAttribute("role")) set(element, "role", "group");
  set(element, "aria-label", text);
}

/** Writes only what differs, so that naming does not cause another round of naming. */
function set(element: Element, attribute: string, value: string): void {
  if (element.getAttribute(attribute) !== value) element.setAttribute(attribute, value);
}
