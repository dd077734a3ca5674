import { type Bytes, decode, type JsonValue, type Layout, type TraitState } from "./codec";
import type { Dispose } from "./lifetime";
import type { Page } from "./page";

/** Kernel to browser, with one buffer: every array of the layout; with none where that is empty. */
export interface FrameMessage {
  k: "frame";
  seq: number;
  /** Sent only where it changed. */
  layout?: Layout;
  /** Only what changed since the frame before. */
  state?: [target: number, state: Record<string, JsonValue>][];
  /** A sentence for screen readers, where it changed. */
  summary?: string;
  /** Training rests: no other frame follows soon. */
  rest?: boolean;
}

/** The newest frame that was painted; times in milliseconds. */
interface Acknowledgement {
  k: "ack";
  seq: number;
  /** How many frames were painted since it was said before: the others were superseded. */
  painted: number;
  /** How long the main thread works for a frame. */
  work: number;
  /** How long ago it was painted. */
  waited: number;
}

/** Browser to kernel. Only JSON goes up: a binary message would block VS Code's queue for good. */
export type Request =
  | { k: "hello"; language?: string }
  | Acknowledgement
  /** Whether anybody sees the widget on this page: frames stop, and begin again. */
  | { k: "sight"; seen: boolean };

/** What a frame is set into: a widget model, whose set_state draws once and tells the kernel nothing. */
export interface Target {
  set_state(state: TraitState): void;
  /** Draws one frame of many, where there is a cheaper way than set_state, which draws the last. */
  animate?(state: TraitState): void;
}

export interface FrameReceiverOptions {
  page: Page;
  send(request: Request): void;
  announce(summary: string): void;
  /** Whether what frames are set into can bear it; asked until the first frame is painted. */
  mayPaint(): boolean;
  /** What the reader's browser prefers, such as ko-KR: told once, with the first hello. */
  language?: string;
}

/** A frame, with the small state of those it superseded, that waits for the next painting. */
interface Pending {
  /** What to acknowledge and to decode; undefined while only `state` of frames without a layout is kept. */
  frame?: { seq: number; layout: Layout; bytes: Bytes; rest: boolean };
  state: Map<number, TraitState>;
  summary?: string;
}

const NO_BYTES = new ArrayBuffer(0);
const HELLO_INTERVAL_MS = 1000;
const VIEWS_INTERVAL_MS = 30;
/** A view that is never made keeps nothing waiting for longer. */
const MAX_VIEW_WAITS = 60;
/** Each message makes the kernel busy and idle again, and the notebook's own page redraws both: frames share one. */
const SELDOM_MS = 500;
/** The same where the one before was of a single frame, or others were left out, and before the first. */
const OFTEN_MS = 150;
/** How much of the newest frame's work counts in that of all. */
const SMOOTHING = 0.2;

/**
 * Paints the newest frame and acknowledges it.
 *
 * Frames that arrive before the last one is painted supersede each other: only the newest is decoded and painted,
 * while the small state of all of them is merged. A frame that cannot be painted is reported and acknowledged as well,
 * so that the kernel does not wait for it.
 */
export class FrameReceiver {
  readonly #options: FrameReceiverOptions;
  readonly #reported = new Set<string>();
  readonly #unfinished = new Set<Dispose>();
  /** The newest state of targets that frames named before they were found, by index. */
  readonly #early = new Map<number, TraitState>();
  #targets: readonly Target[] | undefined;
  #layout: Layout | undefined;
  #pending: Pending | undefined;
  #showing = false;
  #waitsForViews = false;
  #viewWaits = 0;
  /** Whether a frame was painted. */
  #paints = false;
  #disposed = false;
  #introduced = false;
  #seen = true;
  #helloAt = Number.NEGATIVE_INFINITY;
  #acknowledgedAt = Number.NEGATIVE_INFINITY;
  /** The newest frame that was painted and not acknowledged. */
  #unacknowledged: { seq: number; at: number } | undefined;
  #painted = 0;
  /** Whether a frame was left out since it was said which was painted. */
  #missed = false;
  #interval = OFTEN_MS;
  #work: number | undefined;

  constructor(options: FrameReceiverOptions) {
    this.#options = options;
  }

  /** From here on frames are painted; tells the kernel so. */
  begin(targets: readonly Target[]): void {
    if (this.#disposed) return;
    this.#targets = targets;
    this.#hello();
    this.#schedule();
  }

  /** Tells the kernel whether anybody sees the widget; what it asks for next is current. */
  see(seen: boolean): void {
    if (this.#disposed || seen === this.#seen) return;
    this.#seen = seen;
    if (this.#introduced) this.#options.send({ k: "sight", seen });
  }

  /** More targets were found, behind those that there were: what frames had for them is set now. */
  extend(targets: readonly Target[]): void {
    if (this.#disposed) return;
    this.#targets = targets;
    for (const [index, state] of this.#early) {
      if (index < targets.length) {
        this.#early.delete(index);
        this.#set(targets, index, state, true);
      }
    }
  }

  /** Takes a custom message of the model; those that are no frames are not ours. */
  receive(message: unknown, buffers: readonly Bytes[]): void {
    if (this.#disposed || !isFrame(message)) return;
    this.#layout = message.layout ?? this.#layout;
    const pending: Pending = this.#pending ?? { state: new Map() };
    this.#pending = pending;
    for (const [target, state] of message.state ?? []) {
      pending.state.set(target, { ...pending.state.get(target), ...state });
    }
    if (message.summary !== undefined) pending.summary = message.summary;
    const bytes = this.#layout?.length === 0 ? NO_BYTES : buffers[0];
    if (this.#layout !== undefined && bytes !== undefined) {
      this.#missed ||= pending.frame !== undefined;
      pending.frame = { seq: message.seq, layout: this.#layout, bytes, rest: message.rest === true };
      this.#schedule();
    } else if (this.#targets !== undefined) {
      this.#hello();
    }
  }

  dispose(): void {
    this.#disposed = true;
    this.#pending = undefined;
    this.#early.clear();
    for (const cancel of this.#unfinished) cancel();
    this.#unfinished.clear();
  }

  /**
   * Shows what is pending, unless the frame before is still to be painted.
   *
   * Not within an animation frame: bqplot moves its lines in the next one, by a transition of no duration, and texts
   * would be painted one frame before the lines, at twice the cost.
   */
  #schedule(): void {
    if (this.#showing || this.#targets === undefined || this.#pending?.frame === undefined) return;
    if (!this.#paints && !this.#options.mayPaint() && this.#viewWaits < MAX_VIEW_WAITS) {
      this.#waitForViews();
      return;
    }
    this.#paints = true;
    const { frame, state, summary } = this.#pending;
    this.#pending = undefined;
    this.#showing = true;
    const { page } = this.#options;
    const begun = page.now();
    this.#apply(this.#targets, state, frame.rest, () => decode(frame.layout, frame.bytes));
    if (summary !== undefined) this.#options.announce(summary);
    const applying = page.now() - begun;
    const paint = () => {
      const from = page.now(); // what lies between is waiting for the display
      this.#track(
        (run) => page.afterPaint(run),
        () => {
          this.#showing = false;
          this.#notePainted(frame.seq, applying + page.now() - from);
          this.#schedule();
        },
      );
    };
    this.#track((run) => page.beforePaint(run), paint);
  }

  /** Looks again soon: the first frame may come while views are being made, and bqplot throws without their scales. */
  #waitForViews(): void {
    if (this.#waitsForViews) return;
    this.#waitsForViews = true;
    this.#track(
      (run) => this.#options.page.after(VIEWS_INTERVAL_MS, run),
      () => {
        this.#waitsForViews = false;
        this.#viewWaits += 1;
        this.#schedule();
      },
    );
  }

  #notePainted(seq: number, work: number): void {
    this.#painted += 1;
    this.#work = this.#work === undefined ? work : this.#work + SMOOTHING * (work - this.#work);
    this.#acknowledge(seq);
  }

  /** Says which frame was painted last, at once or when enough time has passed since it was said before. */
  #acknowledge(seq: number): void {
    const { page, send } = this.#options;
    const waiting = this.#unacknowledged !== undefined;
    const newest = { seq, at: page.now() };
    this.#unacknowledged = newest;
    if (waiting) return;
    const say = () => {
      const now = page.now();
      const { seq, at } = this.#unacknowledged ?? newest;
      const keptUp = this.#painted > 1 && !this.#missed;
      this.#acknowledgedAt = now;
      send({ k: "ack", seq, painted: this.#painted, work: this.#work ?? 0, waited: now - at });
      this.#unacknowledged = undefined;
      this.#painted = 0;
      this.#interval = keptUp ? SELDOM_MS : OFTEN_MS;
      this.#missed = false;
    };
    const wait = this.#acknowledgedAt + this.#interval - page.now();
    if (wait <= 0) say();
    else this.#track((run) => page.after(wait, run), say);
  }

  #apply(
    targets: readonly Target[],
    states: Map<number, TraitState>,
    rest: boolean,
    decodeArrays: () => Map<number, TraitState>,
  ): void {
    let arrays = new Map<number, TraitState>();
    try {
      arrays = decodeArrays();
    } catch (error) {
      this.#report(error);
      this.#hello(); // the answer brings the layout
    }
    // One call a target, so that it draws once; first what has no arrays: scales, then the marks drawn on them.
    for (const [index, state] of states) {
      if (!arrays.has(index)) this.#set(targets, index, state, rest);
    }
    for (const [index, state] of arrays) this.#set(targets, index, { ...states.get(index), ...state }, rest);
  }

  /** A target may be named before it is found: a frame overtakes the message that tells of a page built just now. */
  #set(targets: readonly Target[], index: number, state: TraitState, rest: boolean): void {
    const target = targets[index];
    if (target === undefined) {
      this.#early.set(index, { ...this.#early.get(index), ...state });
      return;
    }
    try {
      if (!rest && target.animate) target.animate(state);
      else target.set_state(state);
    } catch (error) {
      this.#report(error);
    }
  }

  /** Asks for the layout and for frames, at most once a second. */
  #hello(): void {
    const now = this.#options.page.now();
    if (now - this.#helloAt < HELLO_INTERVAL_MS) return;
    this.#helloAt = now;
    const { language, send } = this.#options;
    send(this.#introduced || !language ? { k: "hello" } : { k: "hello", language });
    this.#introduced = true;
    if (!this.#seen) send({ k: "sight", seen: false });
  }

  /** Says each thing once: a fault in one frame is a fault in the next thousand. */
  #report(error: unknown): void {
    const text = String(error);
    if (this.#reported.has(text)) return;
    this.#reported.add(text);
    console.error("rugged_widget could not show a frame:", error);
  }

  /** Starts something that ends by itself or with this receiver. */
  #track(start: (run: () => void) => Dispose, run: () => void): void {
    const cancel = start(() => {
      this.#unfinished.delete(cancel);
      run();
    });
    this.#unfinished.add(cancel);
  }
}

function isFrame(message: unknown): message is FrameMessage {
  return typeof message === "object" && message !== null && "k" in message && message.k === "frame";
}
