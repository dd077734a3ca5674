/** One array of a frame: index of the target, name of the trait, shape of length 1 or 2. */
export type LayoutEntry = readonly [target: number, trait: string, shape: readonly number[]];
export type Layout = readonly LayoutEntry[];

/** What a trait may be set to: numbers as bqplot takes them, or a small JSON value. */
export type TraitValue = Numbers | Numbers[] | JsonValue;
export type Numbers = Float32Array | Float64Array;
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export type TraitState = Record<string, TraitValue>;

/** The bytes of a message as Jupyter hands them over: mostly a DataView somewhere in a larger buffer. */
export type Bytes = ArrayBuffer | ArrayBufferView;

const FLOAT32_BYTES = Float32Array.BYTES_PER_ELEMENT;
const FLOAT64_BYTES = Float64Array.BYTES_PER_ELEMENT;

/**
 * Splits the buffer of a frame into the new states of its targets.
 *
 * @param layout what the buffer holds, in order
 * @param bytes float32 values, or float64 where there are twice as many bytes; little endian as every machine with a browser
 * @returns state by target index; 2-D arrays as an Array of rows, as bqplot wants them
 * @throws Error where the layout is malformed or does not account for exactly all of the bytes
 */
export function decode(layout: Layout, bytes: Bytes): Map<number, TraitState> {
  const wanted = layout.reduce((total, [, trait, shape]) => total + countValues(trait, shape), 0);
  const double = bytes.byteLength === wanted * FLOAT64_BYTES;
  if (!double && bytes.byteLength !== wanted * FLOAT32_BYTES) {
    throw new Error(
      `A frame of ${bytes.byteLength} bytes does not fit its layout, which needs ${wanted * FLOAT32_BYTES} ` +
        `or ${wanted * FLOAT64_BYTES} (${layout.length} arrays, ${wanted} values).`,
    );
  }
  const copy = copyBytes(bytes);
  const values = double ? new Float64Array(copy) : new Float32Array(copy);
  const states = new Map<number, TraitState>();
  let at = 0;
  // slice, not subarray: bqplot saves the whole buffer behind a view into the notebook.
  const take = (length: number): Numbers => {
    const taken = values.slice(at, at + length);
    at += length;
    return taken;
  };
  for (const [target, trait, shape] of layout) {
    const [first = 0, second] = shape;
    const value = second === undefined ? take(first) : Array.from({ length: first }, () => take(second));
    const state = states.get(target) ?? {};
    state[trait] = value;
    states.set(target, state);
  }
  return states;
}

function countValues(trait: string, shape: readonly number[]): number {
  const usable =
    (shape.length === 1 || shape.length === 2) && shape.every((length) => Number.isInteger(length) && length >= 0);
  if (!usable) {
    throw new Error(`The shape of "${trait}" must be one or two lengths, not ${JSON.stringify(shape)}.`);
  }
  return shape.reduce((product, length) => product * length, 1);
}

/** Copies, because typed arrays must start at a multiple of their size and a message may start anywhere. */
function copyBytes(bytes: Bytes): ArrayBuffer {
  if (bytes instanceof ArrayBuffer) return bytes.slice(0);
  const { buffer, byteOffset, byteLength } = bytes;
  return new Uint8Array(buffer, byteOffset, byteLength).slice().buffer;
}
