// The adapter: the one module that knows anywidget. Everything else is plain and takes what it needs.
import type { AnyModel, Initialize, Render } from "@anywidget/types";
import { animated } from "./animation";
import { calm } from "./calm";
import type { Bytes } from "./codec";
import { copyOnClick } from "./copy";
import { dismissTooltips } from "./dismiss";
import { explain } from "./explain";
import { type HoverEntry, showHovered } from "./hover";
import { type Labels, nameElements } from "./labels";
import { type Dispose, together } from "./lifetime";
import { openByName } from "./open";
import { browserPage } from "./page";
import { withRoot } from "./root";
import { Sight } from "./sight";
import { FrameReceiver, type Request } from "./stream";
import { Announcer } from "./summary";
import { findTargets } from "./targets";
import { areBeingMade } from "./views";

export { version } from "../package.json";

/** The synced traits of FrameStream. */
interface Traits {
  /** References to the widgets that frames are set into; more are added at the end as pages are opened. */
  targets: string[];
  hover: HoverEntry[];
  labels: Labels;
}

type Model = AnyModel<Traits>;

/** Tells pages that show the same widget apart: one that nobody sees must not stop the frames of another. */
const PAGE_ID = Math.random().toString(36).slice(2);
const page = calm(browserPage, () => matchMedia("(prefers-reduced-motion: reduce)").matches);

/** anywidget calls this once for each model, so that what one model's views share stands in this closure. */
export default function createWidget(): { initialize: Initialize<Traits>; render: Render<Traits> } {
  const announcer = new Announcer(page);
  const sight = new Sight(document);
  return {
    initialize: ({ model }) => together(() => announcer.dispose(), receiveFrames(model, announcer, sight)),
    render: ({ model, el }) =>
      together(
        announcer.attach(el),
        withRoot(el, page, (root) =>
          together(
            sight.watch(root),
            showHovered(root, () => model.get("hover")),
            dismissTooltips(root),
            openByName(root),
            explain(root, page),
            copyOnClick(root, page, () => outcomes(model.get("labels"))),
            nameElements(
              root,
              page,
              () => model.get("labels"),
              (changed) => listenTo(model, "change:labels", changed),
            ),
          ),
        ),
      ),
  };
}

/** Not awaited by anywidget: it gives a model two seconds to initialize, and a reloaded page may take longer. */
function receiveFrames(model: Model, announcer: Announcer, sight: Sight): Dispose {
  let models: readonly object[] = [];
  const receiver = new FrameReceiver({
    page,
    mayPaint: () => !areBeingMade(models),
    send: (request) => sendTo(model, request),
    announce: (summary) => announcer.offer(summary),
    language: navigator.language,
  });
  const receive = (message: unknown, buffers: Bytes[]) => receiver.receive(message, buffers);
  model.on("msg:custom", receive);
  const stopSight = sight.follow((seen) => receiver.see(seen));
  receiver.see(sight.seen);
  let begun = false;
  let stopSearch: Dispose = () => {};
  const search = () => {
    stopSearch(); // of fewer targets, which these begin with
    stopSearch = findTargets(model.get("targets"), model.widget_manager, page, (targets) => {
      models = targets;
      const moving = targets.map(animated);
      if (begun) receiver.extend(moving);
      else receiver.begin(moving);
      begun = true;
    });
  };
  search();
  return together(
    () => model.off("msg:custom", receive),
    () => receiver.dispose(),
    stopSight,
    listenTo(model, "change:targets", search),
    () => stopSearch(),
  );
}

function outcomes(labels: Labels): { copied: string; refused: string } {
  return { copied: labels["rw-copied"] ?? "", refused: labels["rw-not-copied"] ?? "" };
}

function listenTo(model: Model, name: "change:targets" | "change:labels", listener: () => void): Dispose {
  model.on(name, listener);
  return () => model.off(name, listener);
}

/** A kernel that went away between a frame and its acknowledgement refuses to be talked to, and needs no answer. */
function sendTo(model: Model, request: Request): void {
  try {
    model.send({ ...request, page: PAGE_ID });
  } catch (error) {
    console.debug("rugged_widget: the kernel is not listening:", error);
  }
}
