import { CutpointError } from '@cutpoint/core';
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
      return whole(text, origin);
    case 'wholes':
      return text.split(',').map((item) => whole(item.trim(), origin));
    case 'choices':
      return text.split(',').map((item) => item.trim());
    case 'switch':
      if (text === 'true' || text === '1') return true;
      if (text === 'false' || text === '0') return false;
      throw wrong(origin, text, 'true or false');
    case 'pairs':
      return Object.fromEntries(text.split(',').map((pair) => onePair(pair.trim(), origin)));
  }
}

function whole(text: string, origin: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw wrong(origin, text, 'a whole number');
}

function onePair(text: string, origin: string): [string, number] {
  const [, name, value] = /^([^=]+)=(\d{1,15})$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw wrong(origin, text, 'name=number, for example batch=1');
  return [name, Number(value)];
}

function wrong(origin: string, text: string, expected: string): CutpointError {
  return new CutpointError('CUT_USAGE', `${origin} is "${text}", but must be ${expected}.`);
}
