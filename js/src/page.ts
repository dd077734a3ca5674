import type { Dispose } from "./lifetime";

/** The clock and the painting of a page: everything that a test replaces. */
export interface Page {
  /** Milliseconds, never going back. */
  now(): number;
  /** Runs once, later. */
  after(milliseconds: number, run: () => void): Dispose;
  /** Runs before the next painting; never while the page is hidden. */
  beforePaint(run: () => void): Dispose;
  /** Called before a painting: runs after it. */
  afterPaint(run: () => void): Dispose;
}

export const browserPage: Page = {
  now: () => performance.now(),
  after: (milliseconds, run) => {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
  beforePaint: (run) => {
    const request = requestAnimationFrame(run);
    return () => cancelAnimationFrame(request);
  },
  afterPaint: (run) => {
    // A message posted before a painting is delivered right after it; a timer would come up to 4 ms later.
    const channel = new MessageChannel();
    const close = () => channel.port1.close();
    channel.port1.onmessage = () => {
      close();
      run();
    };
    channel.port2.postMessage(null);
    return close;
  },
};
