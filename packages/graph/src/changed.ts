import type { Message } from '@bufbuild/protobuf';

/**
 * A message with some fields changed; the rest, unknown fields included, is shared with the original. (`create` with a
 * spread message would not do: it takes the spread object for a message, which then lacks the defaults of unset fields.)
 */
export function changed<T extends Message>(message: T, fields: Partial<T>): T {
  return Object.assign(Object.create(Object.getPrototypeOf(message)), message, fields);
}

/** A message without one of its optional fields; the rest is shared with the original. */
export function without<T extends Message>(message: T, field: keyof T): T {
  const copy = changed(message, {});
  delete copy[field];
  return copy;
}
