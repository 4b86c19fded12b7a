import { acceptedView } from '@cutpoint/server/client';
import { changeVerb } from '../fleet/change-verb.js';

/** `cutpoint rollback`: makes a deployment what it was before. */
export const rollback = changeVerb({
  example: 'cutpoint rollback classifier',
  question: (name) => ({ method: 'POST', path: '/v1/rollback', json: { name }, answer: acceptedView }),
  done: (name) => `${name} is what it was before.`,
});
