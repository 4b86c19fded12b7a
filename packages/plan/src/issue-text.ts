import type { z } from 'zod';

/** What is wrong with data that break a schema, as a person would say it: the place, what is there, and what should be. */
export function issueText(issue: z.core.$ZodIssue, data: unknown): string {
  const place = placeOf(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => `"${key}"`).join(', ');
    return `${place === '' ? 'it' : place} has ${keys}, which means nothing there`;
  }
  const found = valueAt(data, issue.path);
  const subject = place === '' ? 'it' : place;
  if (found === undefined) return `${subject} is missing; it must be ${expectedBy(issue)}`;
  return `${subject} is ${shown(found)}, but must be ${expectedBy(issue)}`;
}

function expectedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return kindNames[issue.expected] ?? issue.expected;
    case 'too_small':
      return bounded('at least', 'more than', issue.inclusive !== false, Number(issue.minimum), issue.origin);
    case 'too_big':
      return bounded('at most', 'less than', issue.inclusive !== false, Number(issue.maximum), issue.origin);
    case 'invalid_value':
      return oneOf(issue.values);
    case 'invalid_format':
      return 'pattern' in issue && issue.pattern !== undefined ? `text like ${issue.pattern}` : `a ${issue.format}`;
    case 'invalid_union':
      return 'options' in issue && Array.isArray(issue.options) ? oneOf(issue.options) : issue.message;
    default:
      return issue.message;
  }
}

function oneOf(values: readonly unknown[]): string {
  return `one of ${values.map(String).join(', ')}`;
}

const kindNames: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of keys',
  record: 'a group of keys',
};

function bounded(within: string, beyond: string, inclusive: boolean, limit: number, origin: string): string {
  const unit = origin === 'array' ? ' entries' : origin === 'string' ? ' characters' : '';
  return `${inclusive ? within : beyond} ${limit}${unit}`;
}

/** `devices[1].power.idleW` */
function placeOf(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value = data;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

const mostShown = 60;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > mostShown ? `${text.slice(0, mostShown)}...` : text;
}
