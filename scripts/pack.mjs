// Makes an archive of an agent (or a server) for one platform: npm run pack -- [--platform linux-arm64] [--kind server]
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { repository } from './pack/bundle.mjs';
import { kinds, platforms } from './pack/kinds.mjs';
import { layOut } from './pack/lay-out.mjs';
import { nodeBinary } from './pack/node-binary.mjs';
import { writeTarball } from './pack/tarball.mjs';

const { values } = parseArgs({
  options: {
    platform: { type: 'string', default: `${process.platform}-${process.arch}` },
    kind: { type: 'string', default: 'agent' },
    out: { type: 'string', default: path.join(repository, 'out') },
    'with-node': { type: 'boolean', default: false },
  },
});
const { platform, kind, out } = values;
requireOneOf('--platform', platform, platforms);
requireOneOf('--kind', kind, Object.keys(kinds));

const { version } = JSON.parse(readFileSync(path.join(repository, 'packages/cli/package.json'), 'utf8'));
const node = values['with-node'] ? nodeBinary(platform) : undefined;
const name = `cutpoint-${kind}-${version}-${platform}${node === undefined ? '' : '-with-node'}`;
const folder = path.resolve(out, name);
mkdirSync(out, { recursive: true });
const { bytes: installed, parts } = await layOut({
  root: repository,
  folder,
  kind,
  version,
  platform,
  verbs: kinds[kind],
  node,
});
const archive = `${folder}.tar.gz`;
const bytes = writeTarball(folder, archive);
const sum = createHash('sha256').update(bytes).digest('hex');
writeFileSync(`${archive}.sha256`, `${sum}  ${path.basename(archive)}\n`);

const megabytes = (count) => `${(count / 1e6).toFixed(1)} MB`;
const heavy = parts.filter((one) => one.bytes >= 100_000);
const shown = heavy.map((one) => `  ${megabytes(one.bytes).padStart(9)}  ${one.name}\n`);
process.stdout.write(
  `${archive}\n  ${megabytes(bytes.length)} packed, ${megabytes(installed)} installed, SHA-256 ${sum}\n${shown.join('')}`,
);

function requireOneOf(flag, value, allowed) {
  if (allowed.includes(value)) return;
  process.stderr.write(`${flag} ${value} is not possible: choose one of ${allowed.join(', ')}.\n`);
  process.exit(2);
}
