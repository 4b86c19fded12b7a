import { addressHelp, isAddress } from '@cutpoint/daemon';
import { InvalidArgumentError } from 'commander';

/** The address of a daemon: pass it to commander as the parser of an option or argument. */
export function parseAddress(text: string): string {
  if (isAddress(text)) return text;
  throw new InvalidArgumentError(`Give ${addressHelp}.`);
}
