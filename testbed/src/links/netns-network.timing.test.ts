import { describe } from 'vitest';
import { describeLink } from './link-conformance.testing.js';
import { openNetnsNetwork } from './netns-network.js';
import { whyNoNetns } from './probe-netns.js';
import { openTcpServer } from './tcp-probe.testing.js';

const obstacle = await whyNoNetns();

describe.skipIf(obstacle !== undefined)(
  `a link in the kernel${obstacle === undefined ? '' : ` (skipped: ${obstacle})`}`,
  () => {
    describeLink(async (figures) => {
      const network = await openNetnsNetwork('test', 2, [{ from: 0, to: 1, parameters: figures }]);
      const server = await openTcpServer(network.command(1), network.listen(0));
      return {
        link: await network.open(0, server.url),
        async [Symbol.asyncDispose]() {
          await server[Symbol.asyncDispose]();
          await network[Symbol.asyncDispose]();
        },
      };
    });
  },
);
