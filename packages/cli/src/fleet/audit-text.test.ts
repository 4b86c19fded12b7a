import { expect, it } from 'vitest';
import { auditText } from './audit-text.js';

it('shows when what happened to whom, and lets nobody begin a line of the terminal', () => {
  const atMs = new Date(2026, 0, 2, 3, 4, 5).getTime();
  expect(auditText([{ id: 1, atMs, event: 'paired', subject: 'pi-1', detail: 'agent\nrevoked' }])).toBe(
    'time                 event   subject  detail\n2026-01-02 03:04:05  paired  pi-1     agent?revoked\n',
  );
  expect(auditText([])).toBe('Nothing has happened yet.\n');
});
