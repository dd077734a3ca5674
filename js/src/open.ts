import { type Dispose, listen } from "./lifetime";

const NAME = "[data-rw-open]";
const FIGURE = ".rw-latents-figure";
const SEARCH = ".rw-latents-search input";

/**
 * Lets every name of a site put what it opens into the search field of its figure, as if it were typed.
 *
 * The names are part of a text, which has no widgets in it; the field is one, and tells the kernel.
 */
export function openByName(root: HTMLElement): Dispose {
  return listen(root, "click", (event) => {
    const name = event.target instanceof Element ? event.target.closest<HTMLElement>(NAME) : null;
    const field = name?.closest(FIGURE)?.querySelector<HTMLInputElement>(SEARCH);
    const query = name?.getAttribute("data-rw-open");
    if (!field || query == null) return;
    field.value = query;
    for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
    field.focus();
  });
}
