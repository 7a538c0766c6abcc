import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOperation, ApiResponse } from '@nestjs/swagger';
import { ApiErrors } from '../http/api-errors.decorator';
import { ApiTraceParent } from '../http/trace-docs.decorator';
import { IDEMPOTENCY_KEY_HEADER } from '../idempotency/idempotency-key';
import { BatchAcceptedDto, BatchBodyDto, BatchDto } from './dto/batch.dto';

/** What the OpenAPI document says of `POST /stage_data/batch`. */
export function ApiStageBatch(): MethodDecorator {
  return applyDecorators(
    ApiOperation({
      operationId: 'stageBatch',
      summary: 'Stage many files and directories',
      description:
        'Takes many sources on at once, and answers as soon as each is recorded as an operation of its own, which is done in the background. The body may have 64 MiB. A batch is accepted as a whole or not at all: a malformed item refuses it, and `errors` name it by its index, such as `items[3].relative_path`. An item of proper form whose paths lead out of the user area, or to the destination of an earlier item with another source, becomes a failed operation. `GET /operations?batch_id=&status=failure` lists what failed.',
    }),
    ApiHeader({
      name: IDEMPOTENCY_KEY_HEADER,
      required: false,
      description:
        'Marks the request, so that a repeat within 24 hours is answered with the same batch and does nothing: 1 to 255 visible ASCII characters. Another body with the same key is an error.',
      schema: { type: 'string', minLength: 1, maxLength: 255, example: '6f1c2a9e-night-1' },
    }),
    ApiTraceParent(),
    ApiBody({ type: BatchBodyDto }),
    ApiResponse({
      status: 202,
      description: 'The batch was accepted.',
      type: BatchAcceptedDto,
      headers: { Location: { description: 'Address of the batch.', schema: { type: 'string' } } },
    }),
    ApiErrors({
      path: '/stage_data/batch',
      codes: [
        'validation_failed',
        'invalid_method',
        'unsupported_media_type',
        'payload_too_large',
        'idempotency_key_reused',
        'idempotency_in_progress',
        'quota_exceeded',
        'database_unavailable',
        'shutting_down',
      ],
    }),
  );
}

/** What the OpenAPI document says of asking for something to be done with a batch. */
export function ApiBatchAction(
  action: 'cancel' | 'retry',
  { summary, description }: { summary: string; description: string },
): MethodDecorator {
  return applyDecorators(
    ApiOperation({ operationId: `${action}Batch`, summary, description }),
    ApiResponse({ status: 202, description: 'The batch as it is now.', type: BatchDto }),
    ApiErrors({
      path: `/batches/01981f7e/${action}`,
      codes: [
        'not_found',
        'database_unavailable',
        'shutting_down',
        ...(action === 'cancel' ? (['already_ended'] as const) : (['not_retryable', 'quota_exceeded'] as const)),
      ],
    }),
  );
}
