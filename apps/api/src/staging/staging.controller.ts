import { Body, Controller, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Response } from 'express';
import { Settings } from '@app/core';
import { StagingService } from '@app/staging';
import { ApiErrors, type ErrorsOfEndpoint } from '../http/api-errors.decorator';
import { OPERATION_ID_HEADER } from '../http/request-context';
import { StageAnswerDto } from './dto/stage-answer.dto';
import { StageDataDto } from './dto/stage-data.dto';
import { StageQueryDto } from './dto/stage-query.dto';
import { stageAnswer } from './stage-answer';

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
    'insufficient_storage',
    'storage_unavailable',
    'shutting_down',
    'internal_error',
  ],
};

/** Staging itself. */
@ApiTags('staging')
@Controller()
export class StagingController {
  constructor(
    private readonly staging: StagingService,
    private readonly settings: Settings,
  ) {}

  @Post('stage_data')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'stageData',
    summary: 'Stage a file or directory',
    description:
      'Brings data from the storage to a user, and answers when it is there. May be repeated: what is there already is never touched, and told as `already_present`. Hanging up does not end the operation. Older clients may also use `/stage-data`, and wrap the body as `{"data": {...}}`. Parameters that are not known are ignored, fields are not.',
  })
  @ApiOkResponse({
    description: 'The data is there: staged now, or already present.',
    type: StageAnswerDto,
    headers: {
      [OPERATION_ID_HEADER]: { description: 'Id of the operation.', schema: { type: 'string', format: 'uuid' } },
    },
  })
  @ApiErrors(STAGE_ERRORS)
  async stageData(
    @Query() query: StageQueryDto,
    @Body() body: StageDataDto,
    @Res({ passthrough: true }) response: Response,
  ): Promise<StageAnswerDto> {
    const record = await this.staging.stage({
      ...query,
      requestedBy: null,
      localPathOnStorage: body.local_path_on_storage,
      relativePath: body.relative_path,
      nameEncoding: body.name_encoding ?? null,
      storage: body.storage,
      checksum: body.checksum && { ...body.checksum },
      ifExists: body.if_exists,
      label: body.label,
    });
    response.setHeader(OPERATION_ID_HEADER, record.id);
    return stageAnswer(record, this.settings.get('USER_VIEW_PREFIX'));
  }
}
