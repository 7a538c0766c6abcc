import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiOkResponse, ApiOperation, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { CONTENT_HEADERS, CONTENT_TYPES } from '../downloads/content-docs';
import { ApiErrors, type ErrorsOfEndpoint } from '../http/api-errors.decorator';
import { OPERATION_ID_HEADER } from '../http/request-context';
import { CALLER_TOKEN_HEADER } from './caller-token';
import { StageAnswerDto } from './dto/stage-answer.dto';

const STAGE_ERRORS: ErrorsOfEndpoint = {
  path: '/stage_data',
  codes: ['validation_failed', 'unsupported_media_type', 'payload_too_large', 'database_unavailable'],
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
      description: 'With `respond-async` a `direct_download` answers with a link (RFC 7240).',
      schema: { type: 'string', example: 'respond-async' },
    }),
    ApiHeader({
      name: CALLER_TOKEN_HEADER,
      required: false,
      description:
        "For `jupyter_copy`: the caller's own token for the JupyterHub. Used for this operation, and kept nowhere.",
      schema: { type: 'string', example: 'b3f1c0de' },
    }),
    ApiExtraModels(StageAnswerDto),
    ApiOkResponse({
      description:
        'The data is there: staged now, or already present. For `direct_download`: the content, or its link.',
      headers: { ...OPERATION_HEADER, ...CONTENT_HEADERS },
      content: { 'application/json': { schema: { $ref: getSchemaPath(StageAnswerDto) } }, ...CONTENT_TYPES },
    }),
    ApiResponse({
      status: 202,
      description: 'For `direct_download` with `Prefer: respond-async`: the operation, with its `download_url`.',
      type: StageAnswerDto,
      headers: {
        ...OPERATION_HEADER,
        Location: { description: 'Address of the operation.', schema: { type: 'string' } },
        'Preference-Applied': { description: '`respond-async`.', schema: { type: 'string' } },
      },
    }),
    ApiErrors(STAGE_ERRORS),
  );
}
