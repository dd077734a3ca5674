import type { Dispose } from "./lifetime";
import type { Page } from "./page";

/** Screen readers speak a text for some seconds: a faster one would never be heard to its end. */
export const QUIET_MS = 8000;

// Not in the style sheet: without it, in a host that drops style sheets, the text would stand in the page.
const HIDDEN =
  "position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap";

/**
 * Says what happens to people who use a screen reader, seldom enough to be listened to.
 *
 * The newest text wins. One that begins with another word (the status: ready, running, paused, finished, failed) is
 * told at once. Where several views of the widget stand on a page, only the oldest speaks.
 */
export class Announcer {
  readonly #page: Page;
  readonly #regions: HTMLElement[] = [];
  #said = "";
  #saidAt = Number.NEGATIVE_INFINITY;
  #waiting: { text: string; cancel: Dispose } | undefined;

  constructor(page: Page) {
    this.#page = page;
  }

  /** Adds a live region to a view. */
  attach(view: HTMLElement): Dispose {
    const region = document.createElement("div");
    region.className = "rw-summary";
    region.setAttribute("role", "status");
    region.setAttribute("aria-live", "polite");
    region.style.cssText = HIDDEN;
    view.append(region);
    this.#regions.push(region);
    return () => {
      region.remove();
      const at = this.#regions.indexOf(region);
      if (at >= 0) this.#regions.splice(at, 1);
    };
  }

  /** Says the text now or later, unless a newer one comes. */
  offer(text: string): void {
    const wait = this.#saidAt + QUIET_MS - this.#page.now();
    this.#waiting?.cancel();
    this.#waiting = undefined;
    if (text === this.#said) return;
    if (wait <= 0 || statusOf(text) !== statusOf(this.#said)) {
      this.#say(text);
    } else {
      this.#waiting = { text, cancel: this.#page.after(wait, () => this.#say(text)) };
    }
  }

  dispose(): void {
    this.#waiting?.cancel();
    this.#waiting = undefined;
  }

  #say(text: string): void {
    this.#waiting = undefined;
    this.#said = text;
    this.#saidAt = this.#page.now();
    const region = this.#regions[0];
    if (region !== undefined) region.textContent = text;
  }
}

function statusOf(text: string): string {
  return /^\s*(\p{L}*)/u.exec(text)?.[1]?.toLowerCase() ?? "";
}
