import type { HttpFailure } from '@cutpoint/http';
import type { z } from 'zod';
import type { failureAnswer } from './answers.js';

const types: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
};

/** A failure as OpenAI's API tells it, with a code of ours. */
export function failureForm({ status, code, message }: HttpFailure): z.output<typeof failureAnswer> {
  const type = types[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error');
  return { error: { message, type, param: null, code } };
}
