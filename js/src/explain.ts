import { type Dispose, listen, together } from "./lifetime";
import type { Page } from "./page";

const BUTTON = ".rw-explain-button";
const PANEL = ".rw-explain-panel";
const OPEN = "mod-active"; // set by ipywidgets on a ToggleButton that is pressed; the style sheet opens the panel by it
const ABOVE = "rw-above";
const SETTLE_MS = 100;
/** Between a panel and the edge of the widget, in px. */
const EDGE_PX = 8;

/**
 * Looks after the explanations behind the (i) buttons: one is open at a time, Escape closes it and gives the focus back
 * to its button, it opens upwards where there is no room below, and screen readers are told which is open.
 *
 * Whether one is open is the button's own state, so that the kernel knows whose numbers to keep current.
 */
export function explain(root: HTMLElement, page: Page): Dispose {
  let cancel: Dispose | undefined;
  const pass = () => {
    cancel = undefined;
    for (const button of root.querySelectorAll<HTMLElement>(BUTTON)) describe(root, button);
  };
  const observer = new MutationObserver((records) => {
    if (records.some(concernsExplanation)) cancel ??= page.after(SETTLE_MS, pass);
  });
  observer.observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ["class", "title"] });
  pass();
  return together(
    () => cancel?.(),
    () => observer.disconnect(),
    listen(root, "click", (event) => {
      const pressed = event.target instanceof Element ? event.target.closest<HTMLElement>(BUTTON) : null;
      if (pressed === null) return;
      if (pressed.classList.contains(OPEN)) {
        for (const other of openButtons(root)) if (other !== pressed) other.click();
      }
      describe(root, pressed);
    }),
    listen(root.ownerDocument, "keydown", (event) => {
      const focused = root.ownerDocument.activeElement;
      // Not while someone writes elsewhere: Escape is theirs.
      if (event.key !== "Escape" || !(focused === null || focused === document.body || related(root, focused))) return;
      for (const button of openButtons(root)) {
        button.click();
        button.focus();
      }
    }),
  );
}

function related(root: Element, focused: Element): boolean {
  // JupyterLab may take the focus to the cell, which the widget is in, before the key comes here.
  return root.contains(focused) || focused.contains(root);
}

/** One open in a hidden page stays as it is. */
function openButtons(root: Element): HTMLElement[] {
  const open = Array.from(root.querySelectorAll<HTMLElement>(`${BUTTON}.${OPEN}`));
  return open.filter((button) => button.closest(".lm-mod-hidden") === null);
}

function concernsExplanation({ target, addedNodes, type }: MutationRecord): boolean {
  if (!(target instanceof HTMLElement)) return false; // figures redraw their SVG with every frame
  if (type === "attributes") return target.matches(BUTTON);
  return Array.from(addedNodes).some(
    (node) => node instanceof HTMLElement && (node.matches(BUTTON) || node.querySelector(BUTTON) !== null),
  );
}

function describe(root: HTMLElement, button: HTMLElement): void {
  const panel = button.parentElement?.querySelector<HTMLElement>(PANEL);
  if (!panel) return;
  const open = button.classList.contains(OPEN);
  // Random, because each widget of a page has this module for itself.
  if (panel.id === "") panel.id = `rw-explain-panel-${Math.random().toString(36).slice(2)}`;
  set(button, "aria-label", button.title);
  set(button, "aria-expanded", String(open));
  set(button, "aria-controls", panel.id);
  set(panel, "role", "note");
  set(panel, "aria-label", button.title);
  set(panel, "tabindex", "0"); // a long one is scrolled by the keyboard
  if (open) place(root, panel);
  else panel.classList.remove(ABOVE);
}

/** Upwards where it would leave the widget below, and there is more room above. */
function place(root: HTMLElement, panel: HTMLElement): void {
  panel.classList.remove(ABOVE);
  const room = root.getBoundingClientRect();
  const box = panel.getBoundingClientRect();
  const below = room.bottom - EDGE_PX - box.top;
  const above = (panel.offsetParent ?? panel).getBoundingClientRect().top - EDGE_PX - room.top;
  if (box.height > below && above > below) panel.classList.add(ABOVE);
}

function set(element: Element, attribute: string, value: string): void {
  if (element.getAttribute(attribute) !== value) element.setAttribute(attribute, value);
}
