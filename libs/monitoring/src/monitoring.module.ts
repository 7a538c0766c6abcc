import { type DynamicModule, Module } from '@nestjs/common';
import { MethodMonitor } from './method-monitor';
import { Metrics } from './metrics.service';
import { Readiness } from './readiness.service';
import { RootMonitor } from './root-monitor';

const OFFERED = [MethodMonitor, Metrics, Readiness, RootMonitor];

/** How a process of the service is doing: for those who watch it, and for the process itself. */
@Module({})
export class MonitoringModule {
  /** Watches this engine (the module of `@app/staging`, as the application imports it). */
  static of(engine: DynamicModule): DynamicModule {
    return { module: MonitoringModule, imports: [engine], providers: OFFERED, exports: OFFERED };
  }
}
