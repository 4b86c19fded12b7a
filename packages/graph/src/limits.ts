import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** Nesting of messages: protobuf's own limit in the runtimes that execute models. A subgraph takes three levels. */
const maxDepth = 100;

/** Messages, texts and unknown fields in one model; a node takes about ten, its attributes and value types included. */
const maxParts = 2_000_000;

/** Memory for numbers that are stored one by one (`float_data` and the like) instead of as raw bytes, in units of 8 bytes. */
const maxNumbers = 2 ** 26;

/** A 64-bit integer is an object of its own in JavaScript. */
const unitsPerNumber = new Map([
  [ScalarType.INT64, 4],
  [ScalarType.UINT64, 4],
]);

interface Frame {
  readonly fields: ReadonlyMap<number, DescField>;
  readonly end: number;
}

/**
 * Checks that bytes can be decoded as a message: that every length lies inside its message, and that there are so few
 * messages, levels and numbers that decoding ends soon and fits in memory. Allocates next to nothing itself.
 * @throws Error that says what is wrong.
 */
export function checkLimits(schema: DescMessage, bytes: Uint8Array): void {
  const reader = new BinaryReader(bytes);
  const stack: Frame[] = [{ fields: fieldsOf(schema), end: bytes.byteLength }];
  let parts = 0;
  let numbers = 0;
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    if (reader.pos >= frame.end) {
      if (reader.pos > frame.end) throw tooLong();
      stack.pop();
      continue;
    }
    const [number, wireType] = reader.tag();
    const field = frame.fields.get(number);
    if (wireType !== WireType.LengthDelimited) {
      if (field === undefined) parts++;
      else if (field.fieldKind === 'list') numbers += units(field);
      reader.skip(wireType, number);
    } else {
      const end = reader.uint32() + reader.pos;
      if (end > frame.end) throw tooLong();
      if (field?.message !== undefined) stack.push({ fields: fieldsOf(field.message), end });
      else {
        if (field?.fieldKind === 'list') numbers += units(field) * packedNumbers(field, bytes, reader.pos, end);
        reader.pos = end;
      }
      parts++;
    }
    if (stack.length > maxDepth) throw new Error(`it nests messages more than ${maxDepth} deep`);
    if (parts > maxParts) throw new Error(`it has more than ${maxParts} parts`);
    if (numbers > maxNumbers) throw new Error('it has too many numbers outside raw data; save it with raw data');
  }
}

function tooLong(): Error {
  return new Error('a part of it is longer than the part that holds it');
}

function units(field: DescField): number {
  return field.scalar === undefined ? 1 : (unitsPerNumber.get(field.scalar) ?? 1);
}

/** How many numbers a packed list holds; 0 for a text, which is counted as a part. */
function packedNumbers(field: DescField, bytes: Uint8Array, start: number, end: number): number {
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return 0;
    case ScalarType.FLOAT:
      return (end - start) / 4;
    case ScalarType.DOUBLE:
      return (end - start) / 8;
    default:
      return varintsIn(bytes, start, end);
  }
}

/** The last byte of a varint has its high bit clear. */
function varintsIn(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i++) if ((bytes[i] ?? 0) < 0x80) count++;
  return count;
}

const known = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>();

function fieldsOf(schema: DescMessage): ReadonlyMap<number, DescField> {
  const found = known.get(schema);
  if (found !== undefined) return found;
  const fields = new Map(schema.fields.map((field) => [field.number, field]));
  known.set(schema, fields);
  return fields;
}
