import type { AuditEntry } from '@cutpoint/control/client';
import { table } from '../output/table.js';

/** The audit log of a fleet as a person reads it, with times of this machine. */
export function auditText(entries: readonly AuditEntry[]): string {
  if (entries.length === 0) return 'Nothing has happened yet.\n';
  const rows = entries.map(({ atMs, event, subject, detail }) => [localTime(new Date(atMs)), event, subject, detail]);
  return table([{ name: 'time' }, { name: 'event' }, { name: 'subject' }, { name: 'detail' }], rows);
}

function localTime(at: Date): string {
  const day = [at.getFullYear(), at.getMonth() + 1, at.getDate()];
  const date = day.map((part) => String(part).padStart(2, '0')).join('-');
  return `${date} ${at.toTimeString().slice(0, 8)}`;
}
