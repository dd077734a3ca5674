/** Ends what a call began. Calling it again does nothing. */
export type Dispose = () => void;

/** Listens until disposed. */
export function listen<Name extends keyof DocumentEventMap>(
  target: EventTarget,
  name: Name,
  listener: (event: DocumentEventMap[Name]) => void,
  options: AddEventListenerOptions = {},
): Dispose {
  const untyped = listener as EventListener;
  target.addEventListener(name, untyped, options);
  return () => target.removeEventListener(name, untyped, options);
}

/** One dispose for many, run in reverse order, once. */
export function together(...parts: Dispose[]): Dispose {
  const open = [...parts];
  return () => {
    while (open.length > 0) open.pop()?.();
  };
}
