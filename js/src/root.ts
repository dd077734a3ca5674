import type { Dispose } from "./lifetime";
import type { Page } from "./page";

export const ROOT_CLASS = "rugged-widget";
const FIRST_LOOK_MS = 50;
const LONGEST_WAIT_MS = 1000;

/**
 * Runs `begin` with the widget's root element as soon as the view is inside it, and ends what that began.
 *
 * A view is rendered before it is attached, and ipywidgets sets class names later still, without an event that a view
 * could wait for: so look again, soon at first.
 */
export function withRoot(view: Element, page: Page, begin: (root: HTMLElement) => Dispose): Dispose {
  let end: Dispose = () => {};
  const look = (wait: number) => {
    const root = view.closest<HTMLElement>(`.${ROOT_CLASS}`);
    end = root === null ? page.after(wait, () => look(Math.min(2 * wait, LONGEST_WAIT_MS))) : begin(root);
  };
  look(FIRST_LOOK_MS);
  return () => end();
}
