export { MethodMonitor, type MethodState } from './method-monitor';
export { MetricsAccess, type MetricsReader } from './metrics-access';
export { type DownloadResult, Metrics } from './metrics.service';
export { MonitoringModule } from './monitoring.module';
export { type Check, type Checks, type HealthState, type NamedCheck, type ReadinessReport } from './readiness-report';
export { Readiness } from './readiness.service';
export { RootMonitor, type RootsSeen } from './root-monitor';
export { RootsGate } from './roots-gate';
export { Rounds } from './rounds';
