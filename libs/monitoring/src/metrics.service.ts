import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import { MethodRegistry, type OperationEnded, OperationEvents } from '@app/staging';

/** From a small file to a long night of copying, in seconds. */
const DURATIONS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800, 7200, 28_800];

/** How a download ended: whole, broken off by its receiver or on request, by a fault, or left to a proxy. */
export type DownloadResult = 'complete' | 'aborted' | 'failed' | 'handed_over';

/** What Prometheus may know of the work that this process did. Labels are names of the service's own: what callers send never becomes one. */
@Injectable()
export class Metrics implements OnModuleInit, OnApplicationShutdown {
  readonly registry = new Registry();
  private readonly operations = new Counter({
    name: 'staging_operations_total',
    help: 'Operations that ended, by method, status and error code ("none" for a success)',
    labelNames: ['method', 'status', 'code'],
    registers: [this.registry],
  });
  private readonly durations = new Histogram({
    name: 'staging_operation_duration_seconds',
    help: 'Time from the request to the end of its operation',
    labelNames: ['method', 'status'],
    buckets: DURATIONS,
    registers: [this.registry],
  });
  private readonly bytes = new Counter({
    name: 'staging_bytes_total',
    help: 'Bytes of the data that was staged',
    labelNames: ['method'],
    registers: [this.registry],
  });
  private readonly downloads = new Counter({
    name: 'staging_downloads_total',
    help: 'Downloads that ended, by result',
    labelNames: ['result'],
    registers: [this.registry],
  });
  private readonly lostLeases = new Counter({
    name: 'staging_lost_leases_total',
    help: 'Operations that this process lost to others, since it showed no life for too long',
    registers: [this.registry],
  });
  private subscriptions: (() => void)[] = [];

  constructor(
    private readonly events: OperationEvents,
    private readonly methods: MethodRegistry,
  ) {
    collectDefaultMetrics({ register: this.registry });
  }

  onModuleInit(): void {
    this.subscriptions = [
      this.events.subscribe((event) => this.count(event)),
      this.events.subscribeLost(() => this.lostLeases.inc()),
    ];
  }

  onApplicationShutdown(): void {
    for (const unsubscribe of this.subscriptions.splice(0)) unsubscribe();
  }

  /** Counts one download that ended, and the bytes that were taken by then. */
  countDownload(result: DownloadResult, bytes: number): void {
    this.downloads.inc({ result });
    this.bytes.inc({ method: 'direct_download' }, bytes);
  }

  private count({ record, seconds }: OperationEnded): void {
    const method = this.methods.enabledNames.includes(record.method) ? record.method : 'unknown';
    const { status, errorCode, outcome, bytesDone } = record;
    this.operations.inc({ method, status, code: errorCode ?? 'none' });
    this.durations.observe({ method, status }, seconds);
    // What is delivered is counted as it goes, a link's as often as it is followed.
    const isDelivered = this.methods.find(record.method)?.capabilities.destination === 'none';
    if (outcome === 'staged' && !isDelivered) this.bytes.inc({ method }, bytesDone ?? 0);
  }
}
