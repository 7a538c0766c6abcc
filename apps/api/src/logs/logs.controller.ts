import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { type Request, type Response } from 'express';
import { LogReader } from '@app/logging';
import { Access } from '../auth/access.decorator';
import { ApiErrors } from '../http/api-errors.decorator';
import { hangUpSignal } from '../http/hang-up-signal';
import { wantsText } from '../http/plain-text';
import { LogPageDto } from './dto/log-page.dto';
import { LogsQueryDto } from './dto/logs-query.dto';

/** What text/plain shows of the log, in bytes. */
const TAIL_BYTES = 1024 ** 2;

/** The log of the service. */
@ApiTags('logs')
@Access('operator')
@Controller('logs')
export class LogsController {
  constructor(private readonly logs: LogReader) {}

  @Get()
  @ApiOperation({
    operationId: 'listLogs',
    summary: 'Read the log',
    description:
      'Newest first. A page may be shorter than `limit`, or empty, and still have a `next_cursor`. With `Accept: text/plain` the last 1 MiB of the log file as it is, oldest line first; then the parameters have no effect. As it happens, the log comes over socket.io, in the namespace `/logs`: send `subscribe {level, q, backlog}`, and hear `log` for each line.',
  })
  @ApiExtraModels(LogPageDto)
  @ApiOkResponse({
    description: 'A page of log entries; as text the end of the log file.',
    content: {
      'application/json': { schema: { $ref: getSchemaPath(LogPageDto) } },
      'text/plain': {
        schema: { type: 'string', description: 'A JSON object a line.' },
        example: '{"time":"2026-02-01T12:00:01.250Z","level":"INFO","message":"Staged"}\n',
      },
    },
  })
  @ApiErrors({ path: '/logs', codes: ['validation_failed'] })
  async list(
    @Query() { operation_id: operationId, ...query }: LogsQueryDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<LogPageDto | string> {
    if (wantsText(request, response)) {
      response.type('text/plain');
      return this.logs.tail(TAIL_BYTES);
    }
    const page = await this.logs.page({ operationId, ...query }, hangUpSignal(response));
    return { items: page.items, next_cursor: page.nextCursor };
  }
}
