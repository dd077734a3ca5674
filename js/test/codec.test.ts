import { expect, test } from "vitest";
import { decode } from "../src/codec";
import { bytesOf } from "./fakes";

test("a buffer is split into the traits of its targets, in the order of the layout", () => {
  const states = decode(
    [
      [1, "x", [2]],
      [0, "y", [3]],
      [1, "y", [2]],
    ],
    bytesOf(1, 2, 3, 4, 5, 6, 7),
  );
  expect([...states]).toEqual([
    [1, { x: new Float32Array([1, 2]), y: new Float32Array([6, 7]) }],
    [0, { y: new Float32Array([3, 4, 5]) }],
  ]);
});

test("a 2-D array becomes an Array of rows", () => {
  const states = decode([[0, "y", [2, 3]]], bytesOf(1, 2, 3, 4, 5, 6));
  expect(states.get(0)?.y).toEqual([new Float32Array([1, 2, 3]), new Float32Array([4, 5, 6])]);
});

test("a 2-D array with one row stays an Array of rows", () => {
  expect(decode([[0, "y", [1, 2]]], bytesOf(1, 2)).get(0)?.y).toEqual([new Float32Array([1, 2])]);
});

test("twice as many bytes are float64, which tells seconds since 1970 apart", () => {
  const { buffer } = new Float64Array([1_700_000_000, 1_700_000_001, 1e-60, 1e60]);
  const states = decode(
    [
      [0, "x", [2]],
      [0, "y", [2, 1]],
    ],
    new DataView(buffer),
  );
  const { x, y } = states.get(0) as { x: Float64Array; y: Float64Array[] };
  expect([...x, ...y.flatMap((row) => [...row])]).toEqual([1_700_000_000, 1_700_000_001, 1e-60, 1e60]);
  expect([x, ...y].map((array) => array.buffer.byteLength)).toEqual([16, 8, 8]);
});

test("every array owns a buffer of just its size, because bqplot saves the whole buffer", () => {
  const states = decode(
    [
      [0, "x", [2]],
      [0, "y", [2, 1]],
    ],
    bytesOf(1, 2, 3, 4),
  );
  const { x, y } = states.get(0) as { x: Float32Array; y: Float32Array[] };
  expect([x, ...y].map((array) => [array.buffer.byteLength, array.byteLength])).toEqual([
    [8, 8],
    [4, 4],
    [4, 4],
  ]);
});

test("an ArrayBuffer serves as well as a view, and is not handed on", () => {
  const { buffer } = new Float32Array([1, 2]);
  const x = decode([[0, "x", [2]]], buffer).get(0)?.x as Float32Array;
  x[0] = 9;
  expect(new Float32Array(buffer)[0]).toBe(1);
});

test("values that are not finite and empty arrays pass", () => {
  const states = decode(
    [
      [0, "x", [2]],
      [0, "y", [0]],
    ],
    bytesOf(Number.NaN, Number.POSITIVE_INFINITY),
  );
  expect(states.get(0)).toEqual({
    x: new Float32Array([Number.NaN, Number.POSITIVE_INFINITY]),
    y: new Float32Array(),
  });
});

test.each([
  ["too short", bytesOf(1)],
  ["too long", bytesOf(1, 2, 3)],
  ["no whole number of values", new DataView(new ArrayBuffer(7))],
])("a buffer that is %s is refused with both sizes named", (_, bytes) => {
  expect(() => decode([[0, "x", [2]]], bytes)).toThrow(
    `A frame of ${bytes.byteLength} bytes does not fit its layout, which needs 8`,
  );
});

test.each([[[]], [[1, 1, 1]], [[-1]], [[0.5]]])("a shape of %j is refused with the trait named", (shape) => {
  expect(() => decode([[0, "x", shape]], bytesOf(1))).toThrow('The shape of "x" must be');
});
