import { type Dispose, listen, together } from "./lifetime";
import type { Page } from "./page";

const BUTTON = ".rw-copy";
const WHOLE = ".rw-copyable";
/** How long a button says what became of it. */
const SAY_MS = 1500;

/** What a button says once it was pressed, in the reader's language. */
export interface Outcomes {
  copied: string;
  refused: string;
}

/** Puts a text on the clipboard; false where that is not allowed. */
export type Write = (text: string) => Promise<boolean>;

/**
 * Lets every button of class rw-copy copy the text that is in the <pre> beside it, inside the same rw-copyable.
 *
 * The kernel may be on another machine: only the page reaches the clipboard of its reader.
 */
export function copyOnClick(
  root: HTMLElement,
  page: Page,
  outcomes: () => Outcomes,
  write: Write = writeToClipboard,
): Dispose {
  const saying = new Map<HTMLElement, Dispose>();
  const say = (button: HTMLElement, word: string) => {
    saying.get(button)?.();
    const before = button.textContent ?? "";
    const stop = page.after(SAY_MS, () => back());
    const back = () => {
      stop();
      saying.delete(button);
      if (button.textContent === word) button.textContent = before;
    };
    saying.set(button, back);
    button.textContent = word;
  };
  const click = async (event: MouseEvent) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>(BUTTON) : null;
    const text = button?.closest(WHOLE)?.querySelector("pre")?.textContent;
    if (!button || text == null) return;
    const { copied, refused } = outcomes();
    say(button, (await write(text)) ? copied : refused);
  };
  return together(
    listen(root, "click", (event) => void click(event)),
    () => {
      for (const back of [...saying.values()]) back();
    },
  );
}

/** A page that was not loaded safely has no clipboard, and a frame may be refused it: a selection can still be copied. */
async function writeToClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelection(text);
  }
}

function copySelection(text: string): boolean {
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.style.cssText = "position: absolute; opacity: 0; pointer-events: none";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}
