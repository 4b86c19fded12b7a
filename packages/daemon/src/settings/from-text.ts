import { splitSpecs } from '@cutpoint/codec';
import { CutpointError } from '@cutpoint/core';
import { expected, shown } from './expected.js';
import type { Setting } from './setting.js';

/**
 * Reads a setting's value from a flag or an environment variable. Ranges are the schema's business.
 * @throws CutpointError CUT_USAGE if the text cannot be such a value; `origin` says where it stood.
 */
export function fromText(setting: Setting, text: string, origin: string): unknown {
  switch (setting.kind) {
    case 'text':
    case 'choice':
      return text;
    case 'whole':
      return whole(setting, text, origin);
    case 'number':
      return anyNumber(setting, text, origin);
    case 'wholes':
      return text.split(',').map((item) => whole(setting, item.trim(), origin));
    case 'choices':
      return text.split(',').map((item) => item.trim());
    case 'specs':
      return splitSpecs(text);
    case 'switch':
      if (text === 'true' || text === '1') return true;
      if (text === 'false' || text === '0') return false;
      throw wrong(setting, text, origin);
    case 'pairs':
      return Object.fromEntries(text.split(',').map((pair) => onePair(setting, pair.trim(), origin)));
  }
}

function whole(setting: Setting, text: string, origin: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw wrong(setting, text, origin);
}

function anyNumber(setting: Setting, text: string, origin: string): number {
  if (/^-?\d{1,15}(\.\d{1,15})?$/.test(text)) return Number(text);
  throw wrong(setting, text, origin);
}

function onePair(setting: Setting, text: string, origin: string): [string, number] {
  const [, name, value] = /^([^=]+)=(\d{1,15})$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw wrong(setting, text, origin);
  return [name, Number(value)];
}

function wrong(setting: Setting, text: string, origin: string): CutpointError {
  return new CutpointError('CUT_USAGE', `${origin} is ${shown(text)}, but must be ${expected(setting)}.`);
}
