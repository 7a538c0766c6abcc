import { Controller, Get, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import { type Response } from 'express';
import { Readiness } from '@app/monitoring';
import { Access } from '../auth/access.decorator';
import { ApiErrors } from '../http/api-errors.decorator';
import { LiveDto, PingDto, ReadyDto } from './dto/health.dto';
import { VERSION } from './installation';

/** For those who watch the service. */
@ApiTags('health')
@Access('open')
@Controller()
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  @Get('ping')
  @ApiOperation({ operationId: 'ping', summary: 'Ask whether the service is there' })
  @ApiOkResponse({ description: 'It is.', type: PingDto })
  @ApiErrors({ path: '/ping', codes: [] })
  ping(): PingDto {
    return { status: 'UP', version: VERSION };
  }

  @Get('health/live')
  @ApiOperation({
    operationId: 'getLiveness',
    summary: 'Ask whether the process works',
    description: 'Depends on nothing else: a process that does not answer here should be started again.',
  })
  @ApiOkResponse({ description: 'It works.', type: LiveDto })
  @ApiErrors({ path: '/health/live', codes: [] })
  live(): LiveDto {
    return { status: 'up' };
  }

  @Get('health/ready')
  @ApiOperation({
    operationId: 'getReadiness',
    summary: 'Ask whether the service can stage data now',
    description: 'Answers within two seconds. The storages are told as they were seen a few seconds ago.',
  })
  @ApiOkResponse({ description: 'It can.', type: ReadyDto })
  @ApiServiceUnavailableResponse({ description: 'It cannot: the checks that are `down` tell why.', type: ReadyDto })
  @ApiErrors({ path: '/health/ready', codes: [] })
  async ready(@Res({ passthrough: true }) response: Response): Promise<ReadyDto> {
    const answer = await this.readiness.check();
    if (answer.status === 'down') response.status(503);
    return answer;
  }
}
