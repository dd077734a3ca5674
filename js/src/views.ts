/** A widget model, as its page keeps it: what draws it, each a promise until it is drawn. */
export interface Viewed<View> {
  views?: Record<string, Promise<View>>;
}

const known = new WeakMap<object, Views<unknown>>();

/** Whether a view of one of the models is still being made: it may not bear that its model, or a scale, changes. */
export function areBeingMade(models: readonly object[]): boolean {
  return models.some((model) => {
    let views = known.get(model);
    if (views === undefined) {
      views = new Views(model as Viewed<unknown>);
      known.set(model, views);
    }
    return views.areBeingMade;
  });
}

/** The views of a widget model, once all of them are drawn. */
export class Views<View> {
  readonly #model: Viewed<View>;
  #asked = new Set<string>();
  #drawn: readonly View[] | undefined;
  #waiting = false;

  constructor(model: Viewed<View>) {
    this.#model = model;
  }

  /** Every view; undefined while there is none, or one that is still being made. */
  get drawn(): readonly View[] | undefined {
    const views = this.#model.views ?? {};
    if (!this.#knows(views)) this.#ask(views);
    return this.#asked.size > 0 ? this.#drawn : undefined;
  }

  /** Whether a view is still being made, and may not bear that its model changes. */
  get areBeingMade(): boolean {
    return this.drawn === undefined && this.#waiting;
  }

  #knows(views: Record<string, unknown>): boolean {
    let count = 0;
    for (const id in views) {
      if (!this.#asked.has(id)) return false;
      count += 1;
    }
    return count === this.#asked.size;
  }

  #ask(views: Record<string, Promise<View>>): void {
    const asked = new Set(Object.keys(views));
    this.#asked = asked;
    this.#drawn = undefined;
    this.#waiting = asked.size > 0;
    const end = (drawn: View[] | undefined) => {
      if (this.#asked !== asked) return;
      this.#drawn = drawn;
      this.#waiting = false;
    };
    // A view that could not be made never counts as drawn, and set_state goes on with the others.
    Promise.all(Object.values(views)).then(end, () => end(undefined));
  }
}
