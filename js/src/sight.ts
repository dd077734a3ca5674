import { type Dispose, listen } from "./lifetime";

/**
 * Knows whether anybody can see one of a model's views: it is on the screen, and its page is in front.
 *
 * A view counts as seen until the browser says that it is not, so that a host which never says anything loses nothing.
 */
export class Sight {
  readonly #views = new Map<Element, boolean>();
  readonly #document: Document;
  readonly #changed = new Set<(seen: boolean) => void>();
  #had = false;
  #told = true;

  constructor(document: Document) {
    this.#document = document;
  }

  /** True where a view is seen, and as long as there was none yet. */
  get seen(): boolean {
    if (this.#document.visibilityState === "hidden") return false;
    return !this.#had || [...this.#views.values()].some((seen) => seen);
  }

  /** Calls back whenever `seen` has changed. */
  follow(changed: (seen: boolean) => void): Dispose {
    this.#changed.add(changed);
    const stop = listen(this.#document, "visibilitychange", () => this.#tell());
    return () => {
      stop();
      this.#changed.delete(changed);
    };
  }

  /** Watches the root of a view: it is out of sight where it is scrolled away, collapsed, hidden or removed. */
  watch(view: Element): Dispose {
    this.#views.set(view, true);
    this.#had = true;
    this.#tell();
    const observer = newObserver((entries) => {
      const latest = entries.at(-1);
      if (latest === undefined) return;
      this.#views.set(view, latest.isIntersecting);
      this.#tell();
    });
    observer?.observe(view);
    return () => {
      observer?.disconnect();
      this.#views.delete(view);
      this.#tell();
    };
  }

  #tell(): void {
    const seen = this.seen;
    if (seen === this.#told) return;
    this.#told = seen;
    for (const changed of this.#changed) changed(seen);
  }
}

function newObserver(call: (entries: IntersectionObserverEntry[]) => void): IntersectionObserver | undefined {
  return typeof IntersectionObserver === "undefined" ? undefined : new IntersectionObserver(call);
}
