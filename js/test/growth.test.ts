import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FrameReceiver, type Request } from "../src/stream";
import { ack, bytesOf, FakePage, FakeTarget } from "./fakes";

const LAYOUT = [[0, "x", [2]]];

let page: FakePage;
let sent: Request[];
let targets: [FakeTarget, FakeTarget];
let receiver: FrameReceiver;

beforeEach(() => {
  page = new FakePage();
  sent = [];
  targets = [new FakeTarget(), new FakeTarget()];
  receiver = new FrameReceiver({
    page,
    send: (request) => sent.push(request),
    announce: () => {},
    mayPaint: () => true,
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

function xs(target: FakeTarget): number[][] {
  return target.states.map((state) => Array.from((state as { x: Float32Array }).x));
}

test("what a frame has for a target that is found later is kept, and set once it is found", () => {
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  receiver.begin(targets);
  const layout = [...LAYOUT, [2, "x", [1]]];
  receiver.receive({ k: "frame", seq: 1, layout, state: [[2, { max: 1, min: 0 }]] }, [bytesOf(1, 2, 3)]);
  page.paint();
  page.advance(150);
  receiver.receive({ k: "frame", seq: 2, state: [[2, { max: 5 }]] }, [bytesOf(3, 4, 5)]);
  page.paint();
  page.advance(150);
  expect(xs(targets[0])).toEqual([
    [1, 2],
    [3, 4],
  ]);
  const late = new FakeTarget();
  receiver.extend([...targets, late]);
  expect(late.states).toEqual([{ max: 5, min: 0, x: new Float32Array([5]) }]);
  expect(error).not.toHaveBeenCalled();
  expect(sent).toEqual([{ k: "hello" }, ack(1), ack(2)]);
});

test("a frame of texts alone, without a buffer, is painted and acknowledged", () => {
  receiver.begin(targets);
  receiver.receive({ k: "frame", seq: 1, layout: [], state: [[1, { value: "at 3" }]] }, []);
  page.paint();
  expect(targets[1].states).toEqual([{ value: "at 3" }]);
  expect(sent).toEqual([{ k: "hello" }, ack(1)]);
});

test("a target that was found later is painted like any other from then on", () => {
  receiver.begin(targets);
  const late = new FakeTarget();
  receiver.extend([...targets, late]);
  receiver.receive({ k: "frame", seq: 1, layout: [[2, "x", [2]]] }, [bytesOf(1, 2)]);
  page.paint();
  expect(xs(late)).toEqual([[1, 2]]);
});
