import { type DynamicModule, Module } from '@nestjs/common';
import { ConnectionMonitor } from './connection-monitor';
import { MethodMonitor } from './method-monitor';
import { Metrics } from './metrics.service';
import { Readiness } from './readiness.service';
import { RootMonitor } from './root-monitor';
import { RootsGate } from './roots-gate';
import { StateGauges } from './state-gauges';

const OFFERED = [MethodMonitor, Metrics, Readiness, RootMonitor, RootsGate];

/** How a process of the service is doing: for those who watch it, and for the process itself. */
@Module({})
export class MonitoringModule {
  /** Watches this engine (the module of `@app/staging`, as the application imports it). */
  static of(engine: DynamicModule): DynamicModule {
    return {
      module: MonitoringModule,
      imports: [engine],
      providers: [...OFFERED, ConnectionMonitor, StateGauges],
      exports: OFFERED,
    };
  }
}
