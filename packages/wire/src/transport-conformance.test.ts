import { connect } from './connect.js';
import { MemoryBroker } from './couriers.testing.js';
import { listen } from './listen.js';
import { openPost, type Post } from './post.js';
import { conformTo } from './transport-conformance.testing.js';

let names = 0;
const wire = { listen, connect };
conformTo({ ...wire, transport: 'memory', url: () => `memory:conformance-${names++}` });
conformTo({ ...wire, transport: 'tcp', url: () => 'tcp://127.0.0.1:0' });
conformTo({ ...wire, transport: 'tcps', url: () => 'tcps://127.0.0.1:0', secure: true });
conformTo({ ...wire, transport: 'ws', url: () => 'ws://127.0.0.1:0' });
conformTo({ ...wire, transport: 'wss', url: () => 'wss://127.0.0.1:0', secure: true });

const broker = new MemoryBroker();
const posts = new Map<string, Post>();
const client = openPost(broker.courier('client'));
const postAt = (url: string): Post => {
  const post = posts.get(url) ?? openPost(broker.courier(url.slice('mqtt:'.length)));
  posts.set(url, post);
  return post;
};
conformTo({
  ...wire,
  transport: 'mqtt',
  url: () => `mqtt:device-${names++}`,
  listenOptions: (url) => ({ post: postAt(url) }),
  connectOptions: () => ({ post: client }),
});
