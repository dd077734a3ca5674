import type { TraitState } from "./codec";
import type { Target } from "./stream";
import { type Viewed, Views } from "./views";

/** ipywidgets' FloatProgress. Its view gives the bar the width of the value, with which the page is laid out anew. */
interface ProgressModel extends Target, Viewed<ProgressView> {
  attributes: Record<string, unknown>;
  get(name: string): unknown;
}
interface ProgressView {
  el: HTMLElement;
  update(): void;
}

const BAR = ".progress-bar";
const MOVED = /scaleX\(([^)]+)\)/;

/** A progress bar that is moved by a transform while frames stream; undefined where the target is no such bar. */
export function movingBar(target: Target): Target | undefined {
  const model = target as Partial<ProgressModel> & Target;
  const isBar = typeof model.get === "function" && model.get("_model_name") === "FloatProgressModel";
  return isBar && typeof model.attributes === "object" ? new MovingBar(model as ProgressModel) : undefined;
}

/** How far a progress bar is, in percent, moved or not. */
export function percentOf(bar: HTMLElement): number {
  const moved = MOVED.exec(bar.style.transform)?.[1];
  return (moved === undefined ? Number.parseFloat(bar.style.width) : 100 * Number(moved)) || 0;
}

class MovingBar implements Target {
  readonly #model: ProgressModel;
  readonly #views: Views<ProgressView>;
  #moved: readonly ProgressView[] = [];

  constructor(model: ProgressModel) {
    this.#model = model;
    this.#views = new Views(model);
  }

  animate(state: TraitState): void {
    const part = this.#partOf(state);
    const views = this.#views.drawn;
    const bars = views?.map((view) => view.el.querySelector<HTMLElement>(BAR));
    if (views === undefined || part === undefined || !bars?.every((bar) => bar !== null)) {
      this.set_state(state);
      return;
    }
    Object.assign(this.#model.attributes, state);
    this.#moved = views;
    // Not the width, which the view may set at any moment.
    for (const bar of bars) {
      bar.style.minWidth = "100%";
      bar.style.transform = `scaleX(${part})`;
    }
  }

  set_state(state: TraitState): void {
    const moved = this.#moved;
    this.#moved = [];
    this.#model.set_state(state);
    for (const view of moved) {
      const bar = view.el.querySelector<HTMLElement>(BAR);
      bar?.style.removeProperty("min-width");
      bar?.style.removeProperty("transform");
      view.update();
    }
  }

  /** The value as a part of the whole; undefined where more than the value changes, or the bar does not lie. */
  #partOf(state: TraitState): number | undefined {
    const { value, ...more } = state;
    const [min, max] = [this.#model.get("min") as number, this.#model.get("max") as number];
    const lies = this.#model.get("orientation") === "horizontal" && Object.keys(more).length === 0;
    const part = (Number(value) - min) / (max - min);
    return lies && Number.isFinite(part) ? part : undefined;
  }
}
