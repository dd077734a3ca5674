import { expect } from "vitest";
import type { Dispose } from "../src/lifetime";
import type { Page } from "../src/page";

/** A page whose clock and painting a test moves by hand. */
export class FakePage implements Page {
  #time = 0;
  #timers: { at: number; run: () => void }[] = [];
  #before: (() => void)[] = [];
  #after: (() => void)[] = [];

  now(): number {
    return this.#time;
  }

  after(milliseconds: number, run: () => void): Dispose {
    const timer = { at: this.#time + milliseconds, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  beforePaint(run: () => void): Dispose {
    this.#before.push(run);
    return () => {
      this.#before = this.#before.filter((other) => other !== run);
    };
  }

  afterPaint(run: () => void): Dispose {
    this.#after.push(run);
    return () => {
      this.#after = this.#after.filter((other) => other !== run);
    };
  }

  /** What is waiting to run. */
  get waiting(): number {
    return this.#timers.length + this.#before.length + this.#after.length;
  }

  /** Up to the moment of painting. */
  startPaint(): void {
    for (const run of this.#before.splice(0)) run();
  }

  finishPaint(): void {
    for (const run of this.#after.splice(0)) run();
  }

  paint(): void {
    this.startPaint();
    this.finishPaint();
  }

  advance(milliseconds: number): void {
    const end = this.#time + milliseconds;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#time = Math.max(this.#time, next.at);
      next.run();
    }
    this.#time = end;
  }
}

/** The bytes of float32 values, at an offset that is no multiple of four, as messages have them. */
export function bytesOf(...values: number[]): DataView {
  const shifted = new Uint8Array(values.length * 4 + 3);
  shifted.set(new Uint8Array(new Float32Array(values).buffer), 3);
  return new DataView(shifted.buffer, 3);
}

/** What a page says of a frame that it has painted; `more` of the message where it is to be told apart. */
export function ack(seq: number, more: object = {}): object {
  return expect.objectContaining({ k: "ack", seq, ...more });
}

/** Lets everything that only waits for promises happen. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}

/** Gives an element without layout a place on the page. */
export function placeAt(element: Element, left: number, top: number, width: number, height: number): void {
  element.getBoundingClientRect = () => new DOMRect(left, top, width, height);
}

/** A widget model that notes what is set into it. */
export class FakeTarget {
  states: unknown[] = [];
  set_state(state: unknown): void {
    this.states.push(state);
  }
}
