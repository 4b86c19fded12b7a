import { acceptedView } from '@cutpoint/server/client';
import { changeVerb } from '../fleet/change-verb.js';

/** `cutpoint undeploy`: takes a deployment off its devices. */
export const undeploy = changeVerb({
  example: 'cutpoint undeploy classifier',
  question: (name) => ({ method: 'DELETE', path: `/v1/deployments/${name}`, answer: acceptedView }),
  done: (name) => `${name} is no longer deployed.`,
});
