import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Registry } from 'prom-client';
import { Metrics } from '@app/monitoring';
import { Access } from '../auth/access.decorator';
import { ApiErrors } from '../http/api-errors.decorator';

/** For Prometheus. */
@ApiTags('health')
@Access('metrics')
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  @Header('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE)
  @ApiOperation({
    operationId: 'getMetrics',
    summary: 'Read the metrics of this process',
    description:
      '`staging_operations_total{method,status,code}`, `staging_operation_duration_seconds`, `staging_bytes_total{method}`, `staging_downloads_total{result}`, `staging_queue_depth`, `staging_operations_running`, `staging_file_tasks_waiting`, `nodejs_eventloop_lag_*` and the usual ones of a process.',
  })
  @ApiOkResponse({
    description: 'Text in the format of Prometheus.',
    content: {
      'text/plain': {
        schema: { type: 'string', description: 'A line for each value.' },
        example: 'staging_operations_total{method="local_copy",status="success",code="none"} 42\n',
      },
    },
  })
  @ApiErrors({ path: '/metrics', codes: [] })
  read(): Promise<string> {
    return this.metrics.registry.metrics();
  }
}
