import { Controller, Get, Headers, Param, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { type Response } from 'express';
import { type Caller } from '@app/auth';
import { Access, SignedIn } from '../auth/access.decorator';
import { ApiErrors } from '../http/api-errors.decorator';
import { OperationIdDto } from './dto/operation-id.dto';
import { EVENTS_TYPE } from './event-writer';
import { OperationFinder } from './operation-finder';
import { endIdOf, hasEnded, OperationStreams } from './operation-streams';

/** Operations live. */
@ApiTags('operations')
@Access('signed-in')
@Controller('operations')
export class EventsController {
  constructor(
    private readonly finder: OperationFinder,
    private readonly streams: OperationStreams,
  ) {}

  @Get(':id/events')
  @ApiOperation({
    operationId: 'watchOperation',
    summary: 'Watch an operation live',
    description:
      'Server-sent events: `progress` with the state now, then whenever it is another one, several times a second while bytes move; `end` when the operation has ended, and the stream with it. The data of each is the operation as JSON on one line, as `GET /operations/{id}` gives it. A client that comes back behind the `end` of the same attempt (`Last-Event-ID`) gets 204, by which an `EventSource` stops.',
  })
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'Id of the last event that a client has seen, when it comes back.',
    schema: { type: 'string', example: '1-42' },
  })
  @ApiOkResponse({
    description: 'The events.',
    content: {
      [EVENTS_TYPE]: {
        schema: { type: 'string' },
        example: 'event: progress\nid: 1-0\ndata: {"id":"01981f7e-6b1c-7d4e-9a3b-2f6d8c1e5a70","status":"running"}\n\n',
      },
    },
  })
  @ApiResponse({ status: 204, description: 'The client has seen the end.' })
  @ApiErrors({ path: '/operations/01981f7e/events', codes: ['not_found', 'quota_exceeded', 'database_unavailable'] })
  async events(
    @Param() { id }: OperationIdDto,
    @Headers('last-event-id') lastId: string | undefined,
    @SignedIn() caller: Caller,
    @Res() response: Response,
  ): Promise<void> {
    const record = await this.finder.find(id, caller);
    if (hasEnded(record) && lastId === endIdOf(record)) response.status(204).end();
    else if (response.req.method === 'HEAD') response.setHeader('Content-Type', EVENTS_TYPE).end();
    else
      this.streams.begin(record, response, {
        expiresAt: caller.expiresAt,
        reader: caller.identity ?? response.req.ip ?? '',
      });
  }
}
