import { CutpointError } from '@cutpoint/core';
import type { Address } from './address.js';
import type { Post } from './post.js';
import type { Transport } from './transport.js';

/** Frames through a broker (`mqtt:device`), for devices without a direct path. The post has the connection to the broker. */
export const mqttTransport: Transport = {
  dial(address, { post, signal }) {
    return needPost(address, post).dial(address.host, signal);
  },

  async bind(address, { post: given, onLink }) {
    const post = needPost(address, given);
    if (address.host !== post.device) {
      const message = `${address.url} cannot be listened on by ${post.device}: a device listens under its own name.`;
      throw new CutpointError('CUT_USAGE', message);
    }
    const binding = post.accept((link, from) => onLink(link, undefined, `mqtt:${from}`));
    return {
      url: address.url,
      renew() {},
      async close() {
        binding[Symbol.dispose]();
      },
    };
  },
};

function needPost({ url }: Address, post: Post | undefined): Post {
  if (post !== undefined) return post;
  throw new CutpointError('CUT_USAGE', `${url} goes through a broker, and no connection to one was given.`);
}
