import { type StatusView, statusView } from '@cutpoint/server/client';
import { expect, it } from 'vitest';
import { statusText } from './status-text.js';

const split = { at: [39], codecs: ['raw'], chain: ['server'] };
const alone = { at: [], codecs: [], chain: [], there: true };

function viewOf(serverIsThere: boolean): StatusView {
  return statusView.parse({
    version: '1',
    fleet: 'home',
    devices: serverIsThere
      ? { online: 2, offline: 0, away: [], revoked: [] }
      : { online: 1, offline: 1, away: ['server'], revoked: [] },
    rollout: { phase: 'active', generation: 7, active: 7, waitingFor: [], fetchedBytes: 0, totalBytes: 0, devices: [] },
    deployments: [
      {
        name: 'eyes',
        model: { name: 'resnet20', hash: 'a'.repeat(64) },
        devices: ['pi-1', 'server'],
        begins: [{ device: 'pi-1', there: true, ways: [{ ...split, there: serverIsThere }, alone] }],
      },
    ],
    notes: [],
  });
}

it('says for each deployment where requests begin, how they are answered now, and how else', () => {
  expect(statusText(viewOf(true), 'http://here')).toMatch(/^eyes +pi-1 +pi-1 \| 39 raw \| server +pi-1 alone$/m);
});

it('names the devices that are away, and the way that is taken instead', () => {
  const text = statusText(viewOf(false), 'http://here');
  expect(text).toMatch(/^devices +1 online, 1 away: server$/m);
  expect(text).toMatch(/^eyes +resnet20 +a{12} +pi-1, server \(away\)$/m);
  expect(text).toMatch(/^eyes +pi-1 +pi-1 alone \(fallback\) *$/m);
});

it('tells a device that was revoked from one that is away', () => {
  const view = viewOf(true);
  const devices = { online: 1, offline: 0, away: [], revoked: ['pi-1'] };
  const deployments = view.deployments.map((one) => ({
    ...one,
    begins: one.begins.map((begin) => ({ ...begin, there: false })),
  }));
  const text = statusText(statusView.parse({ ...view, devices, deployments }), 'http://here');
  expect(text).toMatch(/^devices +1 online, 1 revoked: pi-1$/m);
  expect(text).toMatch(/^eyes +resnet20 +a{12} +pi-1 \(revoked\), server$/m);
  expect(text).toMatch(/^eyes +pi-1 +revoked /m);
});

it('shows what a device says of itself without letting it steer the terminal, or begin a line of its own', () => {
  const view = viewOf(true);
  const problem = { code: 'CUT_X', message: 'oops\u001b]0;title\u0007\nerror CUT_FAKE: run this' };
  const text = statusText({ ...view, rollout: { ...view.rollout, phase: 'failed', problem } }, 'http://here');
  expect(text).toContain('oops?]0;title??error CUT_FAKE: run this (CUT_X)');
  expect(text).not.toMatch(/^error/m);
});

it('says what is on its way, for whom it waits, and for how long at most', () => {
  const waiting = { generation: 8, phase: 'proposed', name: 'net', waitingFor: ['pi-3'], leftMs: 26.5 * 60_000 };
  const view = viewOf(true);
  const text = statusText(statusView.parse({ ...view, rollout: { ...view.rollout, ...waiting } }), 'http://here');
  expect(text).toContain('8 of net is proposed, waits for pi-3 for at most 27 min more');
});
