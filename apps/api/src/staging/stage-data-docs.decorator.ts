import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiOkResponse, ApiOperation, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { CONTENT_HEADERS, CONTENT_TYPES } from '../downloads/content-docs';
import { ApiErrors, type ErrorsOfEndpoint } from '../http/api-errors.decorator';
import { OPERATION_ID_HEADER } from '../http/request-context';
import { ApiTraceParent } from '../http/trace-docs.decorator';
import { IDEMPOTENCY_KEY_HEADER } from '../idempotency/idempotency-key';
import { CALLER_TOKEN_HEADER } from './caller-token';
import { StageAnswerDto } from './dto/stage-answer.dto';

const STAGE_ERRORS: ErrorsOfEndpoint = {
  path: '/stage_data',
  codes: [
    'validation_failed',
    'unsupported_media_type',
    'payload_too_large',
    'idempotency_in_progress',
    'idempotency_key_reused',
    'database_unavailable',
  ],
  ofOperations: [
    'invalid_method',
    'source_not_found',
    'path_outside_storage',
    'path_outside_user_area',
    'source_unsupported',
    'forbidden',
    'source_forbidden',
    'destination_conflict',
    'already_exists',
    'user_area_missing',
    'cross_device_link',
    'source_writable',
    'source_changed',
    'already_ended',
    'checksum_mismatch',
    'quota_exceeded',
    'jupyter_user_not_found',
    'jupyter_unavailable',
    'jupyter_rejected',
    'jupyter_timeout',
    'insufficient_storage',
    'storage_unavailable',
    'shutting_down',
    'internal_error',
  ],
};

const OPERATION_HEADER = {
  [OPERATION_ID_HEADER]: { description: 'Id of the operation.', schema: { type: 'string', format: 'uuid' } },
} as const;

/** What the OpenAPI document says of `POST /stage_data`. */
export function ApiStageData(): MethodDecorator {
  return applyDecorators(
    ApiOperation({
      operationId: 'stageData',
      summary: 'Stage a file or directory',
      description:
        'Brings data from the storage to a user, and answers when it is there. May be repeated: what is there already is never touched, and told as `already_present`. Hanging up does not end the operation, except a download. `direct_download` answers with the file itself, or with a directory as an archive; where `Accept` names `application/json` and neither `*/*` nor `application/octet-stream`, or with `Prefer: respond-async`, it answers with the operation and its `download_url` instead. Older clients may also use `/stage-data`, and wrap the body as `{"data": {...}}`. Parameters that are not known are ignored, fields are not.',
    }),
    ApiHeader({
      name: 'Prefer',
      required: false,
      description:
        '`respond-async`: the answer is 202 at once, and the operation goes on in the background. `wait=N`: the answer comes when it ends, or after N seconds (600 at most) with 202. A `direct_download` answers with a link (RFC 7240).',
      schema: { type: 'string', example: 'respond-async' },
    }),
    ApiHeader({
      name: IDEMPOTENCY_KEY_HEADER,
      required: false,
      description:
        'A repeat with the same key within 24 hours does nothing, and is answered with what the first request made, as it is now.',
      schema: { type: 'string', minLength: 1, maxLength: 255, example: '5f0d6c1e-9a52-4a8b-8d0e-6a1f3c0b7d11' },
    }),
    ApiCallerToken(),
    ApiTraceParent(),
    ApiExtraModels(StageAnswerDto),
    ApiOkResponse({
      description:
        'The data is there: staged now, or already present. For `direct_download`: the content, or its link.',
      headers: { ...OPERATION_HEADER, ...CONTENT_HEADERS },
      content: { 'application/json': { schema: { $ref: getSchemaPath(StageAnswerDto) } }, ...CONTENT_TYPES },
    }),
    ApiResponse({
      status: 202,
      description:
        'The operation waits or runs: see `Location` for what becomes of it. For `direct_download` it has ended, with its `download_url`.',
      type: StageAnswerDto,
      headers: {
        ...OPERATION_HEADER,
        Location: { description: 'Address of the operation.', schema: { type: 'string' } },
        'Preference-Applied': { description: 'What of `Prefer` was heeded.', schema: { type: 'string' } },
      },
    }),
    ApiErrors(STAGE_ERRORS),
  );
}

function ApiCallerToken(): MethodDecorator {
  return ApiHeader({
    name: CALLER_TOKEN_HEADER,
    required: false,
    description:
      "For `jupyter_copy`: the caller's own token for the JupyterHub. Used for this operation, and kept nowhere.",
    schema: { type: 'string', example: 'b3f1c0de' },
  });
}
