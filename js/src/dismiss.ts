import { type Dispose, listen, together } from "./lifetime";

const HOST = ".rw-state";
const DISMISSED = "rw-dismissed";

/**
 * Lets Escape hide the tooltip that the style sheet shows while the status is pointed at or has the focus, until it is
 * left.
 */
export function dismissTooltips(root: HTMLElement): Dispose {
  const left = (event: PointerEvent | FocusEvent) => {
    const host = event.target instanceof Element ? event.target.closest(HOST) : null;
    if (host && !(event.relatedTarget instanceof Node && host.contains(event.relatedTarget))) {
      host.classList.remove(DISMISSED);
    }
  };
  return together(
    listen(root.ownerDocument, "keydown", (event) => {
      if (event.key !== "Escape") return;
      for (const host of root.querySelectorAll(HOST)) {
        if (host.matches(":hover") || host.contains(document.activeElement)) host.classList.add(DISMISSED);
      }
    }),
    listen(root, "pointerout", left),
    listen(root, "focusout", left),
  );
}
