import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FrameReceiver, type Request } from "../src/stream";
import { ack, bytesOf, FakePage, FakeTarget } from "./fakes";

const LAYOUT = [[0, "x", [2]]];

let page: FakePage;
let sent: Request[];
let said: string[];
let targets: [FakeTarget, FakeTarget];
let receiver: FrameReceiver;

let mayPaint = true;

beforeEach(() => {
  mayPaint = true;
  page = new FakePage();
  sent = [];
  said = [];
  targets = [new FakeTarget(), new FakeTarget()];
  receiver = new FrameReceiver({
    page,
    send: (request) => sent.push(request),
    announce: (summary) => said.push(summary),
    mayPaint: () => mayPaint,
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** One frame of two values; more of the message in `rest`. */
function frame(seq: number, values: [number, number], rest: object = {}): void {
  receiver.receive({ k: "frame", seq, ...rest }, [bytesOf(...values)]);
}

function xs(target: FakeTarget = targets[0]): number[][] {
  return target.states.map((state) => Array.from((state as { x: Float32Array }).x));
}

test("hello is said once, when the targets are there", () => {
  expect(sent).toEqual([]);
  receiver.begin(targets);
  page.advance(10_000);
  expect(sent).toEqual([{ k: "hello" }]);
});

test("the first hello says which language the reader prefers", () => {
  const said: Request[] = [];
  const options = {
    page,
    send: (request: Request) => said.push(request),
    announce: () => {},
    language: "ko-KR",
    mayPaint: () => true,
  };
  const preferring = new FrameReceiver(options);
  preferring.begin(targets);
  page.advance(10_000);
  preferring.receive({ k: "frame", seq: 1 }, []); // no layout: it asks again
  expect(said).toEqual([{ k: "hello", language: "ko-KR" }, { k: "hello" }]);
  preferring.dispose();
});

test("a frame waits where a view is still being made, and the newest is set once it is", () => {
  receiver.begin(targets);
  mayPaint = false;
  frame(1, [1, 2], { layout: LAYOUT });
  frame(2, [3, 4]);
  page.advance(1000);
  expect(xs()).toEqual([]);
  mayPaint = true;
  page.advance(100);
  expect(xs()).toEqual([[3, 4]]);
});

test("a frame is set at once, so that one painting shows all of it, and acknowledged only after that", () => {
  receiver.begin(targets);
  frame(1, [1, 2], { layout: LAYOUT });
  expect(xs()).toEqual([[1, 2]]);
  page.startPaint();
  expect(sent).toEqual([{ k: "hello" }]);
  page.finishPaint();
  expect(sent).toEqual([{ k: "hello" }, ack(1)]);
});

test("of the frames that arrive before one is painted only the newest is set and acknowledged", () => {
  receiver.begin(targets);
  frame(1, [1, 1], { layout: LAYOUT });
  frame(2, [2, 2]);
  frame(3, [3, 3]);
  frame(4, [4, 4]);
  page.paint();
  page.paint();
  page.advance(150);
  expect(xs()).toEqual([
    [1, 1],
    [4, 4],
  ]);
  expect(sent.slice(1)).toEqual([ack(1), ack(4)]);
});

test("while the page is hidden one frame is set and no more, and the newest when it is shown again", () => {
  receiver.begin(targets);
  for (let seq = 1; seq <= 9; seq++) frame(seq, [seq, seq], { layout: LAYOUT });
  page.advance(5000);
  expect(xs()).toEqual([[1, 1]]);
  page.paint();
  expect(xs()).toEqual([
    [1, 1],
    [9, 9],
  ]);
});

test("frames in quick succession share an acknowledgement, of the newest", () => {
  receiver.begin(targets);
  frame(1, [1, 1], { layout: LAYOUT });
  page.paint();
  for (const seq of [2, 3]) {
    page.advance(60);
    frame(seq, [seq, seq]);
    page.paint();
  }
  expect(xs()).toHaveLength(3);
  expect(sent.slice(1)).toEqual([ack(1)]);
  page.advance(60);
  expect(sent.slice(1)).toEqual([ack(1), ack(3)]);
});

test("a page that keeps up acknowledges twice a second, and one that leaves out a frame sooner", () => {
  const paintAll = (seqs: number[]) => {
    for (const seq of seqs) {
      frame(seq, [seq, seq], seq === 1 ? { layout: LAYOUT } : {});
      page.paint();
      page.advance(50);
    }
  };
  receiver.begin(targets);
  paintAll([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect(sent.slice(1)).toEqual([ack(1), ack(3, { painted: 2 })]); // after 150 ms, and then after 500
  frame(13, [1, 1]);
  page.startPaint();
  frame(14, [2, 2]);
  frame(15, [3, 3]);
  page.finishPaint();
  page.paint();
  page.advance(50);
  expect(sent.slice(3)).toEqual([ack(15, { painted: 11 })]);
  paintAll([16, 17, 18]);
  expect(sent.slice(4)).toEqual([ack(18, { painted: 3 })]);
});

test("a receiver that ends owes no acknowledgement", () => {
  receiver.begin(targets);
  frame(1, [1, 1], { layout: LAYOUT });
  page.paint();
  frame(2, [2, 2]);
  page.paint();
  receiver.dispose();
  page.advance(1000);
  expect(sent.slice(1)).toEqual([ack(1)]);
});

test("a frame that arrives between the painting and its acknowledgement is painted next", () => {
  receiver.begin(targets);
  frame(1, [1, 1], { layout: LAYOUT });
  page.startPaint();
  frame(2, [2, 2]);
  page.finishPaint();
  page.paint();
  page.advance(150);
  expect(xs()).toEqual([
    [1, 1],
    [2, 2],
  ]);
  expect(sent.slice(1)).toEqual([ack(1), ack(2)]);
});

test("a layout holds until another one comes", () => {
  receiver.begin(targets);
  frame(1, [1, 2], { layout: LAYOUT });
  page.paint();
  frame(2, [3, 4]);
  page.paint();
  frame(3, [5, 6], { layout: [[1, "x", [2]]] });
  page.paint();
  expect(xs()).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(xs(targets[1])).toEqual([[5, 6]]);
});

test("the small state of superseded frames is merged, the newer value winning for each target and trait", () => {
  receiver.begin(targets);
  frame(1, [0, 0], { layout: LAYOUT });
  frame(2, [1, 1], { state: [[1, { min: 0, max: 1 }]] });
  frame(3, [2, 2], { state: [[1, { max: 2 }]] });
  frame(4, [3, 3]);
  page.paint();
  expect(targets[1].states).toEqual([{ min: 0, max: 2 }]);
});

test("state that was painted is not painted again", () => {
  receiver.begin(targets);
  frame(1, [1, 1], { layout: LAYOUT, state: [[1, { max: 1 }]] });
  page.paint();
  frame(2, [2, 2]);
  page.paint();
  expect(targets[1].states).toEqual([{ max: 1 }]);
});

test("arrays and small state of one target are set together, so that it draws once", () => {
  receiver.begin(targets);
  frame(1, [1, 2], { layout: LAYOUT, state: [[0, { opacity: 0.5 }]] });
  page.paint();
  expect(targets[0].states).toEqual([{ opacity: 0.5, x: new Float32Array([1, 2]) }]);
});

test("scales, which have no arrays, are set before the marks that are drawn on them", () => {
  const order: string[] = [];
  vi.spyOn(targets[0], "set_state").mockImplementation(() => order.push("mark"));
  vi.spyOn(targets[1], "set_state").mockImplementation(() => order.push("scale"));
  receiver.begin(targets);
  frame(1, [1, 2], { layout: LAYOUT, state: [[1, { max: 2 }]] });
  page.paint();
  expect(order).toEqual(["scale", "mark"]);
});

test("the newest summary is told when its frame is set, also where that frame had none", () => {
  receiver.begin(targets);
  frame(1, [0, 0], { layout: LAYOUT });
  frame(2, [1, 1], { summary: "running, step 1" });
  frame(3, [2, 2], { summary: "running, step 2" });
  frame(4, [3, 3]);
  expect(said).toEqual([]);
  page.paint();
  expect(said).toEqual(["running, step 2"]);
});

test("a frame that arrives before the targets is kept and painted when they are there", () => {
  frame(1, [1, 2], { layout: LAYOUT });
  page.paint();
  expect(sent).toEqual([]);
  receiver.begin(targets);
  page.paint();
  expect(xs()).toEqual([[1, 2]]);
  expect(sent).toEqual([{ k: "hello" }, ack(1)]);
});

test("without a layout hello is said again, at most once a second, and no frame is acknowledged", () => {
  receiver.begin(targets);
  for (let seq = 0; seq < 25; seq++) {
    page.advance(100);
    frame(seq, [1, 2]);
    page.paint();
  }
  expect(sent).toEqual([{ k: "hello" }, { k: "hello" }, { k: "hello" }]);
});

test("small state of a frame without a layout is not lost", () => {
  receiver.begin(targets);
  frame(1, [1, 1], { state: [[1, { max: 7 }]], summary: "running" });
  page.paint();
  frame(2, [2, 2], { layout: LAYOUT });
  page.paint();
  expect(targets[1].states).toEqual([{ max: 7 }]);
  expect(said).toEqual(["running"]);
});

test("a buffer that does not fit is reported, the layout asked for, and the frame acknowledged", () => {
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  receiver.begin(targets);
  page.advance(2000);
  receiver.receive({ k: "frame", seq: 1, layout: LAYOUT, state: [[1, { max: 1 }]] }, [bytesOf(1, 2, 3)]);
  page.paint();
  expect(error).toHaveBeenCalledOnce();
  expect(targets[1].states).toEqual([{ max: 1 }]);
  expect(sent).toEqual([{ k: "hello" }, { k: "hello" }, ack(1)]);
});

test("a target that throws is reported once, stops no other target and no later frame", () => {
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(targets[0], "set_state").mockImplementation(() => {
    throw new Error("no view");
  });
  receiver.begin(targets);
  const layout = [
    [0, "x", [1]],
    [1, "x", [1]],
  ];
  frame(1, [1, 2], { layout });
  page.paint();
  frame(2, [3, 4]);
  page.paint();
  page.advance(150);
  expect(error).toHaveBeenCalledOnce();
  expect(xs(targets[1])).toEqual([[2], [4]]);
  expect(sent.slice(1)).toEqual([ack(1), ack(2)]);
});

test("messages that are no frames are left alone", () => {
  receiver.begin(targets);
  for (const message of [null, "frame", { k: "other", seq: 1 }, {}]) receiver.receive(message, []);
  page.paint();
  expect(sent).toEqual([{ k: "hello" }]);
});

test("frames that come after the disposal of a receiver at rest are left alone", () => {
  receiver.begin(targets);
  receiver.dispose();
  frame(1, [1, 1], { layout: LAYOUT });
  page.paint();
  expect(xs()).toEqual([]);
});

test("after disposal nothing is painted, sent or left waiting", () => {
  receiver.begin(targets);
  frame(1, [1, 1], { layout: LAYOUT });
  page.startPaint();
  frame(2, [2, 2]);
  receiver.dispose();
  expect(page.waiting).toBe(0);
  page.advance(5000);
  frame(3, [3, 3], { layout: LAYOUT });
  receiver.begin(targets);
  page.paint();
  expect(xs()).toEqual([[1, 1]]);
  expect(sent).toEqual([{ k: "hello" }]);
});

test("the kernel is told when the widget goes out of sight and comes back, each once", () => {
  receiver.begin(targets);
  for (const seen of [true, false, false, true]) receiver.see(seen);
  expect(sent.slice(1)).toEqual([
    { k: "sight", seen: false },
    { k: "sight", seen: true },
  ]);
});

test("what is out of sight from the beginning says so behind its hello", () => {
  receiver.see(false);
  expect(sent).toEqual([]);
  receiver.begin(targets);
  expect(sent).toEqual([{ k: "hello" }, { k: "sight", seen: false }]);
});

test("a target that can be animated is while frames stream, and is set at rest", () => {
  const drawn: string[] = [];
  const target = { set_state: () => drawn.push("set"), animate: () => drawn.push("animated") };
  receiver.begin([target]);
  frame(1, [1, 1], { layout: LAYOUT });
  page.paint();
  frame(2, [2, 2], { rest: true });
  page.paint();
  frame(3, [3, 3], { state: [[0, { visible: true }]] });
  expect(drawn).toEqual(["animated", "set", "animated"]);
});

test("an acknowledgement says how many frames were painted, how long one takes and how long ago that was", () => {
  receiver.begin([{ set_state: () => page.advance(6) }]);
  const paint = () => {
    page.advance(7); // until the display is ready: that is no work
    page.startPaint();
    page.advance(4);
    page.finishPaint();
  };
  frame(1, [1, 1], { layout: LAYOUT });
  paint();
  for (const seq of [2, 3]) {
    frame(seq, [seq, seq]);
    paint();
  }
  page.advance(116);
  expect(sent.slice(1)).toEqual([
    { k: "ack", seq: 1, painted: 1, work: 10, waited: 0 },
    { k: "ack", seq: 3, painted: 2, work: 10, waited: 116 },
  ]);
});
