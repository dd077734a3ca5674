import type { TraitState } from "../codec";
import type { Target } from "../stream";
import { Views } from "../views";
import { isMark, type MarkModel, type MarkView } from "./bqplot";
import { DotsBrush } from "./dots";
import { LinesBrush } from "./lines";

/** Draws one kind of bqplot's marks into the elements that bqplot has made. */
export interface Brush {
  /**
   * Brings everything that bqplot keeps of the mark's data up to date, and draws it.
   *
   * @returns false where something about the mark is not as expected; then nothing was changed
   */
  draw(state: TraitState, views: readonly MarkView[]): boolean;
}

/** What draws a mark directly; undefined where the target is none of the marks that can be. */
export function directMark(target: Target): Target | undefined {
  if (isMark(target, "LinesModel")) return new DirectMark(target, new LinesBrush(target));
  if (isMark(target, "ScatterModel")) return new DirectMark(target, new DotsBrush(target));
  return undefined;
}

/**
 * A mark of bqplot that moves without bqplot's redraw, which makes objects for each point and styles anew what has not
 * changed.
 *
 * While frames stream, only the attributes of its SVG elements are written. The model's attributes and the points that
 * bqplot keeps are current all the same, so that bqplot may draw at any moment, as it does after a new size or another
 * scale, and a notebook may be saved. At rest, and where anything is not as expected, bqplot draws.
 */
class DirectMark implements Target {
  readonly #model: MarkModel;
  readonly #brush: Brush;
  readonly #views: Views<MarkView>;
  /** The points that were moved by hand, while bqplot has not drawn others. */
  #moved: MarkModel["mark_data"] | undefined;

  constructor(model: MarkModel, brush: Brush) {
    this.#model = model;
    this.#brush = brush;
    this.#views = new Views(model);
  }

  animate(state: TraitState): void {
    const views = this.#views.drawn;
    if (views !== undefined && this.#brush.draw(state, views)) this.#moved = this.#model.mark_data;
    else this.set_state(state);
  }

  set_state(state: TraitState): void {
    const moved = this.#moved;
    this.#moved = undefined;
    this.#model.set_state(state);
    // What the model holds already is no change to it.
    if (moved !== undefined && this.#model.mark_data === moved) this.#model.update_data();
  }
}
