import type { TunedProduct } from '@cutpoint/gpu';
import { table } from '../output/table.js';

/** What was found on a GPU, product by product, for people. */
export function tunedTable(products: readonly TunedProduct[]): string {
  const right = (name: string) => ({ name, align: 'right' as const });
  const columns = [
    ...['rows', 'outputs', 'columns', 'group'].map(right),
    { name: 'widths' },
    { name: 'words' },
    right('us'),
    { name: 'division' },
  ];
  const cells = products.map((product) => [
    ...[product.rows, product.outputs, product.columns, product.groupSize].map(String),
    `w${product.weightBits}a${product.activationBits}`,
    product.scheme,
    product.us.toFixed(0),
    divisionText(product.division),
  ]);
  return table(columns, cells);
}

function divisionText(division: TunedProduct['division']): string {
  if (division.kind === 'rows') {
    const { threads, lanes, eachM } = division;
    return `${threads} threads, ${lanes} on a row, ${eachM} at once`;
  }
  const { threadsM, threadsN, eachM, eachN, steps } = division;
  return `tile ${threadsM * eachM} x ${threadsN * eachN} of ${threadsM * threadsN} threads, ${steps} steps`;
}
