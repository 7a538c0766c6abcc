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
      '`staging_operations_total{method,status,code}`, `staging_operation_duration_seconds`, `staging_bytes_total{method}`, `staging_downloads_total{result}`, `staging_queue_depth` (of the whole site), `staging_operations_running`, `staging_file_tasks_waiting`, `staging_workers`, `staging_queue_up`, `staging_database_up`, `staging_storage_up{storage}` and `staging_storage_free_bytes{storage}` (`user_areas` beside the names of the storages), `staging_settlements_pending`, `staging_lost_leases_total`, `nodejs_eventloop_lag_*` and the usual ones of a process. What is not known just now is left out.',
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
