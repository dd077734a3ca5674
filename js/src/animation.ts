import { directMark } from "./marks/direct";
import { movingBar } from "./progress";
import type { Target } from "./stream";

const known = new WeakMap<Target, Target>();

/** The target, with a cheaper way to draw one frame of many where there is one; always the same for one target. */
export function animated(target: Target): Target {
  let found = known.get(target);
  if (found === undefined) {
    found = directMark(target) ?? movingBar(target) ?? target;
    known.set(target, found);
  }
  return found;
}
