import { hostname } from 'node:os';

/** A device name out of this machine's own. Undefined if nothing of it can stand in one. */
export function ownName(): string | undefined {
  const name = hostname()
    .toLowerCase()
    .split('.', 1)[0]
    ?.replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  return name === '' ? undefined : name;
}
