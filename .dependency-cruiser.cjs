// The direction of imports (docs/architecture.md): arrows point one way, pure packages stay pure,
// and nobody imports past a package's public door.
const layers = [
  ['core'],
  ['graph', 'codec', 'plan', 'picture'],
  ['wire', 'runtime', 'gpu'],
  ['control', 'profile', 'evaluate', 'daemon'],
  ['fleet', 'http'],
  ['llm'],
  ['cluster', 'web'],
];
const folder = (names) => `^packages/(${names.join('|')})/`;

module.exports = {
  forbidden: [
    ...layers.slice(0, -1).map((layer, i) => ({
      name: `${layer.join('-')}-looks-down-only`,
      severity: 'error',
      from: { path: folder(layer) },
      to: { path: `${folder(layers.slice(i + 1).flat())}|^packages/cli/|^server/|^edge-agent/|^testbed/` },
    })),
    ...layers.map((layer) => ({
      name: `${layer.join('-')}-are-independent`,
      severity: 'error',
      from: { path: `^packages/(${layer.join('|')})/` },
      to: { path: folder(layer), pathNot: '^packages/$1/' },
    })),
    {
      name: 'daemons-are-independent',
      severity: 'error',
      from: { path: '^(server|edge-agent)/' },
      to: { path: '^(server|edge-agent|testbed)/|^packages/cli/', pathNot: '^$1/' },
    },
    {
      name: 'pure-packages-import-nothing-from-node',
      severity: 'error',
      from: { path: '^packages/(graph|codec|plan|picture|gpu)/src', pathNot: '\\.(test|long|testing|gpu)\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'public-doors-only',
      severity: 'error',
      from: { path: '^(packages/[^/]+|server|edge-agent|testbed|examples/[^/]+|test)/' },
      to: {
        path: '^(packages/[^/]+|server|edge-agent|testbed)/(src|dist)/',
        pathNot:
          '^$1/|/(src|dist)/(index|client|browser)\\.(js|d\\.ts|ts)$|^server/(src|dist)/daemon\\.|^packages/llm/(src|dist)/(api|parts)\\.|\\.testing\\.ts$',
      },
    },
    {
      // A conformance suite is run by whoever has an implementation, in any package.
      name: 'helpers-of-tests-are-for-tests',
      severity: 'error',
      from: { pathNot: '\\.(test|long|testing|fuzz|gpu|browser)\\.ts$' },
      to: { path: '\\.testing\\.ts$' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, pathNot: 'node_modules' } },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      // Types alone: there is nothing to run.
      to: { couldNotResolve: true, pathNot: '^@webgpu/types$' },
    },
    {
      name: 'no-undeclared-dependency',
      severity: 'error',
      from: { path: '^((packages|server|edge-agent)/.*/|testbed/)src/', pathNot: '\\.(test|long|testing|gpu)\\.ts$' },
      // Optional peers: 130 MB for the owner of a GPU, and what only pages run.
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        pathNot: '^node_modules/(webgpu|onnxruntime-web)/',
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Peers are installed on request only.
    exclude: { path: '(^|/)dist/.*\\.(map|d\\.ts)$|^testbed/peers/' },
    tsConfig: { fileName: 'tsconfig.test.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'default', 'types'] },
  },
};
