/** One array of a frame: index of the target, name of the trait, shape of length 1 or 2. */
export type LayoutEntry = readonly [target: number, trait: string, shape: readonly number[]];
export type Layout = readonly LayoutEntry[];

/** What a trait may be set to: numbers as bqplot takes them, or a small JSON value. */
export type TraitValue = Float32Array | Float32Array[] | JsonValue;
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export type TraitState = Record<string, TraitValue>;

/** The bytes of a message as Jupyter hands them over: mostly a DataView somewhere in a larger buffer. */
export type Bytes = ArrayBuffer | ArrayBufferView;

const BYTES_PER_VALUE = Float32Array.BYTES_PER_ELEMENT;

/**
 * Splits the buffer of a frame into the new states of its targets.
 *
 * @param layout what the buffer holds, in order
 * @param bytes float32 values, little endian as every machine with a browser
 * @returns state by target index; 2-D arrays as an Array of rows, as bqplot wants them
 * @throws Error where the layout is malformed or does not account for exactly all of the bytes
 */
export function decode(layout: Layout, bytes: Bytes): Map<number, TraitState> {
  const wanted = layout.reduce((total, [, trait, shape]) => total + countValues(trait, shape), 0);
  if (bytes.byteLength !== wanted * BYTES_PER_VALUE) {
    throw new Error(
      `A frame of ${bytes.byteLength} bytes does not fit its layout, which needs ${wanted * BYTES_PER_VALUE} ` +
        `(${layout.length} arrays, ${wanted} values).`,
    );
  }
  const values = copyValues(bytes);
  const states = new Map<number, TraitState>();
  let at = 0;
  // slice, not subarray: bqplot saves the whole buffer behind a view into the notebook.
  const take = (length: number): Float32Array => {
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

/** Copies, because a Float32Array must start at a multiple of four bytes and a message may start anywhere. */
function copyValues(bytes: Bytes): Float32Array {
  if (bytes instanceof ArrayBuffer) return new Float32Array(bytes.slice(0));
  const { buffer, byteOffset, byteLength } = bytes;
  return new Float32Array(new Uint8Array(buffer, byteOffset, byteLength).slice().buffer);
}
