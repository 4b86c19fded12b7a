import { CutpointError } from '@cutpoint/core';
import type { GgufHeader, GgufValue } from './gguf-header.js';

/** Metadata of a GGUF file, asked for by key and type. A value of another type is a damaged file. */
export class GgufMetadata {
  readonly source: string;
  readonly #values: GgufHeader['metadata'];

  constructor(source: string, values: GgufHeader['metadata']) {
    this.source = source;
    this.#values = values;
  }

  number(key: string): number | undefined {
    return this.#typed(key, 'number', (value) => typeof value === 'number' && Number.isFinite(value));
  }

  text(key: string): string | undefined {
    return this.#typed(key, 'text', (value) => typeof value === 'string');
  }

  flag(key: string): boolean | undefined {
    return this.#typed(key, 'yes or no', (value) => typeof value === 'boolean');
  }

  texts(key: string): readonly string[] | undefined {
    return this.#typed(key, 'list of texts', (value) => isList(value, 'string'));
  }

  numbers(key: string): readonly number[] | undefined {
    return this.#typed(key, 'list of numbers', (value) => isList(value, 'number'));
  }

  /** @throws CutpointError CUT_CHECKPOINT if there is none. */
  need<T>(key: string, value: T | undefined): T {
    if (value !== undefined) return value;
    throw new CutpointError('CUT_CHECKPOINT', `${this.source} does not state ${key}: make or download the file again.`);
  }

  unsupported(what: string): CutpointError {
    return new CutpointError('CUT_CHECKPOINT', `${this.source} holds a model that is not supported: ${what}.`);
  }

  #typed<T extends GgufValue>(key: string, type: string, is: (value: GgufValue) => boolean): T | undefined {
    const value = this.#values.get(key);
    if (value === undefined || is(value)) return value as T | undefined;
    throw new CutpointError(
      'CUT_CHECKPOINT',
      `${this.source} states ${key}, but not as a ${type}: make the file again.`,
    );
  }
}

function isList(value: GgufValue, type: 'string' | 'number'): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === type);
}
