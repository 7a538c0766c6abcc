import { applyDecorators } from '@nestjs/common';
import { ApiOperation, ApiResponse } from '@nestjs/swagger';
import { type ErrorCode } from '@app/core';
import { ApiErrors } from '../http/api-errors.decorator';
import { OPERATION_ID_HEADER } from '../http/request-context';
import { OperationDto } from './dto/operation.dto';

/** One thing that may be asked of an operation. */
export interface ControlDocs {
  operationId: string;
  summary: string;
  description: string;
  /** With what it may be refused. */
  codes: ErrorCode[];
}

/** What the OpenAPI document says of a request that changes what becomes of an operation. */
export function ApiControl({ codes, ...operation }: ControlDocs): MethodDecorator {
  return applyDecorators(
    ApiOperation(operation),
    ApiResponse({
      status: 202,
      description: 'The operation as it is now.',
      type: OperationDto,
      headers: {
        [OPERATION_ID_HEADER]: { description: 'Id of the operation.', schema: { type: 'string', format: 'uuid' } },
      },
    }),
    ApiErrors({
      path: `/operations/01981f7e/${operation.operationId.replace('Operation', '')}`,
      codes: ['not_found', 'database_unavailable'],
      ofOperations: codes,
    }),
  );
}
