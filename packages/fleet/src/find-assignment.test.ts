import { type Assignment, assignment } from '@cutpoint/control';
import { describe, expect, it } from 'vitest';
import { findAssignment } from './find-assignment.js';

function make(deployment: string, model: string): Assignment {
  const about = { name: model, hash: 'a'.repeat(64), inputs: [], outputs: [] };
  return assignment.parse({ deployment, model: about, segments: [], files: [], ladder: [] });
}
const canary = make('canary', 'resnet');
const resnet = make('resnet', 'resnet20');
const other = make('other', 'resnet20');

describe('what a request means', () => {
  it('is the deployment of that name, even where the model of another has it', () => {
    expect(findAssignment([canary, resnet], 'resnet')).toBe(resnet);
    expect(findAssignment([resnet, canary], 'resnet')).toBe(resnet);
  });

  it('is the only one with a model of that name', () => {
    expect(findAssignment([canary, other], 'resnet20')).toBe(other);
  });

  it('is the only one there is, without a name', () => {
    expect(findAssignment([canary], undefined)).toBe(canary);
  });

  it.each([
    [[], undefined, 'Nothing is deployed that requests can begin for here; the request must name one.'],
    [[canary, other], undefined, 'Deployed here: canary, other; the request must name one.'],
    [[resnet, other], 'resnet20', 'Deployed here: resnet, other; the request must name one.'],
    [[canary, other], 'x', 'Deployed here: canary, other; "x" is not among them.'],
  ])('is not guessed: %#', (all, name, message) => {
    expect(() => findAssignment(all, name)).toThrow(expect.objectContaining({ code: 'CUT_NOT_FOUND', message }));
  });
});
