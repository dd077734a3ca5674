import type { Page } from "./page";

const CALM_MS = 500;

/**
 * A page that paints frames at most twice a second while its reader asks for less motion.
 *
 * The picture then changes in steps one can look at; training goes on behind it, because a frame that waits is
 * superseded by the next.
 */
export function calm(page: Page, readerAsks: () => boolean): Page {
  let painted = Number.NEGATIVE_INFINITY;
  return {
    ...page,
    beforePaint: (run) => {
      const paint = () => {
        painted = page.now();
        run();
      };
      const wait = readerAsks() ? painted + CALM_MS - page.now() : 0;
      if (wait <= 0) return page.beforePaint(paint);
      let stop = page.after(wait, () => {
        stop = page.beforePaint(paint);
      });
      return () => stop();
    },
  };
}
