import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { AppError, type ErrorCode } from '@app/core';
import { ProblemDto } from './dto/problem.dto';
import { EXAMPLE_DETAILS } from './example-details';
import { STATUS } from './error-status';
import { PROBLEM_TYPE, problemOf } from './problem';

/** Codes that any request can meet. */
const EVERYWHERE = ['forbidden', 'internal_error'] as const;

const EXAMPLE_OPERATION = '01981f7e-6b1c-7d4e-9a3b-2f6d8c1e5a70';

/** How an endpoint's errors are told. */
export interface ErrorsOfEndpoint {
  /** Path as in an example. */
  path: string;
  codes: ErrorCode[];
  /** Codes whose errors name an operation. */
  ofOperations?: ErrorCode[];
}

/** Puts each error that an endpoint can answer with into the OpenAPI document: by status, an example for each code. */
export function ApiErrors({ path, codes, ofOperations = [] }: ErrorsOfEndpoint): MethodDecorator {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set<ErrorCode>([...codes, ...ofOperations, ...EVERYWHERE])) {
    byStatus.set(STATUS[code], [...(byStatus.get(STATUS[code]) ?? []), code]);
  }
  const responses = [...byStatus].map(([status, codesOfStatus]) => {
    const examples = codesOfStatus.map((code) => [code, { value: example(code, path, ofOperations) }] as const);
    return ApiResponse({
      status,
      description: codesOfStatus.map((code) => `\`${code}\``).join(', '),
      content: {
        [PROBLEM_TYPE]: {
          schema: { $ref: getSchemaPath(ProblemDto) },
          examples: Object.fromEntries(examples),
        },
      },
    });
  });
  return applyDecorators(ApiExtraModels(ProblemDto), ...responses);
}

/** What an endpoint answers with a code, as an example. */
export function example(code: ErrorCode, path: string, ofOperations: ErrorCode[] = []) {
  const { detail, errors } = EXAMPLE_DETAILS[code] ?? { detail: '' };
  const operationId = ofOperations.includes(code) ? EXAMPLE_OPERATION : undefined;
  return problemOf(new AppError(code, detail, { errors, operationId }), path);
}
