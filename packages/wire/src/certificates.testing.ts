import { generate } from 'selfsigned';

/** A fresh self-signed certificate for 127.0.0.1 and localhost, PEM. */
export async function makeCertificate(
  names: { ip: string } = { ip: '127.0.0.1' },
): Promise<{ cert: string; key: string }> {
  const pems = await generate([{ name: 'commonName', value: 'cutpoint test' }], {
    keySize: 2048,
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 7, ip: names.ip },
          { type: 2, value: 'cutpoint.test' },
        ],
      },
    ],
  });
  return { cert: pems.cert, key: pems.private };
}
