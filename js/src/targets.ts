import type { Dispose } from "./lifetime";
import type { Page } from "./page";
import type { Target } from "./stream";

/** Where a page keeps its widget models. */
export interface ModelSource {
  get_model(id: string): Promise<unknown>;
}

const REFERENCE = "IPY_MODEL_";
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5000;

/**
 * Finds the models behind widget references and hands them all over at once.
 *
 * A page that is reloaded learns of the models in any order, and some hosts refuse one that they do not know yet: so
 * ask again, ever more seldom, until all are there or this is disposed.
 */
export function findTargets(
  references: readonly string[],
  models: ModelSource,
  page: Page,
  found: (targets: Target[]) => void,
): Dispose {
  let disposed = false;
  let cancel: Dispose = () => {};
  const ask = async (wait: number): Promise<void> => {
    const answers = await Promise.allSettled(references.map((reference) => getTarget(reference, models)));
    if (disposed) return;
    const targets = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
    if (targets.length === references.length) {
      found(targets);
      return;
    }
    const next = Math.min(2 * wait, LONGEST_WAIT_MS);
    if (wait < next && next === LONGEST_WAIT_MS) {
      console.warn(
        `rugged_widget waits for widgets that this page does not know: ${references.length - targets.length} of ${references.length}.`,
      );
    }
    cancel = page.after(wait, () => void ask(next));
  };
  void ask(FIRST_WAIT_MS);
  return () => {
    disposed = true;
    cancel();
  };
}

async function getTarget(reference: string, models: ModelSource): Promise<Target> {
  if (!reference.startsWith(REFERENCE)) throw new Error(`"${reference}" refers to no widget.`);
  return (await models.get_model(reference.slice(REFERENCE.length))) as Target;
}
