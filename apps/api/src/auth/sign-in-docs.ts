import { getSchemaPath, type OpenAPIObject } from '@nestjs/swagger';
import { type ErrorCode } from '@app/core';
import { example } from '../http/api-errors.decorator';
import { ProblemDto } from '../http/dto/problem.dto';
import { STATUS } from '../http/error-status';
import { PROBLEM_TYPE } from '../http/problem';

/** What a request for a route that is not open may be answered because of its token, beside what the route itself says. */
const CODES: ErrorCode[] = ['unauthorized', 'auth_unavailable'];

const CHALLENGE = {
  description: 'How to sign in (RFC 6750).',
  schema: { type: 'string', example: 'Bearer realm="staging"' },
};

interface Answer {
  description: string;
  headers?: Record<string, unknown>;
  content?: Record<string, { schema: unknown; examples?: Record<string, unknown> }>;
}
interface Operation {
  security?: unknown[];
  responses: Record<string, Answer>;
}

/** Adds to each endpoint that is not open how a request without a good token is answered. */
export function describeSignIn(document: OpenAPIObject): OpenAPIObject {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const operation of Object.values(methods as Record<string, Operation>)) {
      if (operation.security) for (const code of CODES) addError(operation, code, path);
    }
  }
  return document;
}

function addError({ responses }: Operation, code: ErrorCode, path: string): void {
  const status = STATUS[code];
  const known = responses[status];
  const problem = known?.content?.[PROBLEM_TYPE];
  const answer: Answer = {
    ...known,
    description: [...(known ? [known.description] : []), `\`${code}\``].join(', '),
    ...(status === 401 && { headers: { 'WWW-Authenticate': CHALLENGE } }),
    content: {
      ...known?.content,
      [PROBLEM_TYPE]: {
        schema: { $ref: getSchemaPath(ProblemDto) },
        examples: { ...problem?.examples, [code]: { value: example(code, path.replace('{id}', '01981f7e')) } },
      },
    },
  };
  responses[status] = answer;
}
