import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { parse, stringify } from 'yaml';
import { ERROR_CODES } from '@app/core';
import { describeWhere } from '../support/describe-where';
import { promtool, promtoolMissing } from '../support/promtool';
import { temporaryFolder } from '../support/temporary-folder';

const root = path.resolve(__dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const inDeploy = (file: string) => path.join(root, 'deploy', file);

interface Rule {
  alert: string;
  expr: string;
  for: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

const alerts = parse(read('deploy/prometheus/alerts.yaml')) as { groups: { name: string; rules: Rule[] }[] };
const rules = alerts.groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read('deploy/grafana/staging.json')) as Dashboard;
const [adapterRule] = parse(read('deploy/kustomize/components/autoscaling/prometheus-adapter.yaml')) as {
  metricsQuery: string;
  seriesQuery: string;
}[];

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string }[];
}

interface Dashboard {
  panels: Panel[];
  annotations: { list: { expr: string }[] };
  templating: { list: { name: string; query: string | { query: string } }[] };
}

/** Each metric with the labels that it has. */
const METRICS: Record<string, string[]> = {
  staging_operations_total: ['method', 'status', 'code'],
  staging_operation_duration_seconds: ['method', 'status', 'le'],
  staging_bytes_total: ['method'],
  staging_queue_depth: [],
  staging_operations_running: [],
  staging_file_tasks_waiting: [],
  staging_workers: [],
  staging_queue_up: [],
  staging_database_up: [],
  staging_storage_up: ['storage'],
  staging_storage_free_bytes: ['storage'],
  staging_settlements_pending: [],
  staging_lost_leases_total: [],
  staging_downloads_total: ['result'],
};
/** Labels that Prometheus gives, or our PodMonitor. */
const GIVEN = ['instance', 'job', 'component', 'namespace'];

/** What Grafana puts in, put in. */
const filled = (expr: string) => expr.replaceAll('$__rate_interval', '5m').replaceAll('$job', '.+');
const ofDashboard = [
  ...dashboard.panels.flatMap((panel) => (panel.targets ?? []).map(({ expr }) => expr)),
  ...dashboard.annotations.list.map(({ expr }) => expr),
].map(filled);
const ofAdapter = [adapterRule!.metricsQuery.replaceAll('<<.LabelMatchers>>', 'namespace="staging"')];
const expressions = [...rules.map(({ expr }) => expr), ...ofDashboard, ...ofAdapter];

async function knownNames(): Promise<Set<string>> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const own = Object.keys(METRICS).flatMap((name) => [
    name,
    ...['_bucket', '_sum', '_count'].map((part) => name + part),
  ]);
  return new Set([...own, ...(await registry.getMetricsAsJSON()).map(({ name }) => name)]);
}

const namesIn = (expr: string) => expr.replace(/"[^"]*"/g, '""').match(/\b(staging|nodejs|process)_\w+/g) ?? [];

describe('expressions of alerts, dashboard and autoscaling', () => {
  it.each(expressions)('%s has metrics that there are', async (expr) => {
    const known = await knownNames();
    const names = namesIn(expr);
    expect(names).not.toEqual([]);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  it.each(expressions)('%s has labels that there are', (expr) => {
    const has = namesIn(expr).flatMap((name) => METRICS[name.replace(/_(bucket|sum|count)$/, '')] ?? []);
    const matched = [...expr.matchAll(/[{,]\s*(\w+)\s*(?:=~|!=|=)/g)].map(([, label]) => label!);
    const grouped = [...expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/,\s*/));
    expect([...matched, ...grouped].filter((label) => ![...has, ...GIVEN].includes(label))).toEqual([]);
  });

  it('know the codes of errors', () => {
    const codes = expressions.flatMap((expr) =>
      [...expr.matchAll(/code=~?"([^"]+)"/g)].flatMap(([, list]) => list!.split('|')),
    );
    expect(codes.length).toBeGreaterThan(5);
    expect(codes.filter((code) => !(ERROR_CODES as string[]).includes(code))).toEqual([]);
  });
});

describe('each metric of the service', () => {
  it('is shown by the dashboard', () => {
    const shown = ofDashboard.flatMap(namesIn).map((name) => name.replace(/_(bucket|sum|count)$/, ''));
    expect(Object.keys(METRICS).filter((name) => !shown.includes(name))).toEqual([]);
  });
});

describe('the alerts', () => {
  it.each(rules)('$alert says how urgent it is, and where to read on', ({ alert, labels, annotations }) => {
    expect(['critical', 'warning']).toContain(labels.severity);
    expect(annotations).toMatchObject({ summary: expect.any(String), description: expect.any(String) });
    expect(annotations.runbook).toBe(`docs/deployment.md#${alert.toLowerCase()}`);
    expect(read('docs/deployment.md')).toMatch(new RegExp(`^#+ ${alert}$`, 'm'));
  });

  it('are the same for the operator of Prometheus', () => {
    const rule = parse(read('deploy/prometheus/prometheus-rule.yaml')) as { spec: unknown };
    expect(rule.spec).toEqual(alerts);
  });

  it('fire in their tests, each of them', () => {
    const tests = read('deploy/prometheus/alerts.test.yaml');
    expect(rules.map(({ alert }) => alert).filter((alert) => !tests.includes(`alertname="${alert}"`))).toEqual([]);
  });
});

describe('the dashboard', () => {
  it('has panels that differ in number and title, side by side', () => {
    const { panels } = dashboard;
    for (const key of ['id', 'title'] as const) {
      expect(new Set(panels.map((panel) => panel[key])).size).toBe(panels.length);
    }
    for (const [index, { gridPos: one }] of panels.entries()) {
      expect(one.x + one.w).toBeLessThanOrEqual(24);
      for (const { gridPos: other } of panels.slice(index + 1)) {
        const apart =
          one.x + one.w <= other.x ||
          other.x + other.w <= one.x ||
          one.y + one.h <= other.y ||
          other.y + other.h <= one.y;
        expect({ one, other, apart }).toMatchObject({ apart: true });
      }
    }
  });

  it('lets one choose where the numbers come from', () => {
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'job']);
    for (const { expr } of dashboard.panels.flatMap((panel) => panel.targets ?? []))
      expect(expr).toContain('job=~"$job"');
  });
});

describeWhere(promtoolMissing(), 'promtool', () => {
  it('accepts the alerts', () => {
    expect(promtool('check', 'rules', inDeploy('prometheus/alerts.yaml'))).toMatchObject({ passed: true });
  });

  it('sees exactly the right alerts fire', () => {
    expect(promtool('test', 'rules', inDeploy('prometheus/alerts.test.yaml'))).toMatchObject({ passed: true });
  });

  it.each([
    ['StagingBacklogGrows', '> 1000', '> 1000000'],
    ['StagingDatabaseDown', 'staging_database_up == 0', 'staging_database_up == 2'],
    ['StagingInternalError', 'unless', 'and'],
  ])('notices an alert %s that does not work', (alert, right, wrong) => {
    const folder = temporaryFolder();
    cpSync(inDeploy('prometheus'), folder, { recursive: true });
    const file = path.join(folder, 'alerts.yaml');
    const text = readFileSync(file, 'utf8');
    const at = text.indexOf(right, text.indexOf(`alert: ${alert}`));
    writeFileSync(file, text.slice(0, at) + wrong + text.slice(at + right.length));
    const { passed, output } = promtool('test', 'rules', path.join(folder, 'alerts.test.yaml'));
    expect({ passed, output }).toEqual({ passed: false, output: expect.stringContaining(alert) });
  });

  it('can read the expressions of the dashboard', () => {
    const file = path.join(temporaryFolder(), 'dashboard.yaml');
    const recorded = ofDashboard.map((expr, index) => ({ record: `dashboard_${index}`, expr }));
    writeFileSync(file, stringify({ groups: [{ name: 'dashboard', rules: recorded }] }));
    expect(promtool('check', 'rules', file)).toMatchObject({ passed: true });
  });

  it('counts for autoscaling what waits once, and what runs at the workers', () => {
    const folder = temporaryFolder();
    const rule = { record: 'open', expr: ofAdapter[0] };
    writeFileSync(path.join(folder, 'rule.yaml'), stringify({ groups: [{ name: 'adapter', rules: [rule] }] }));
    const series = (name: string, component: string, pod: string, values: string) => ({
      series: `${name}{namespace="staging",component="${component}",pod="${pod}"}`,
      values,
    });
    const waiting = ['api', 'worker'].map((kind) => series('staging_queue_depth', kind, `${kind}-a`, '20x10'));
    const running = ['a', 'b'].map((pod) => series('staging_operations_running', 'worker', `worker-${pod}`, '4x10'));
    const test = (input_series: unknown[], value: number) => ({
      interval: '1m',
      input_series,
      promql_expr_test: [{ expr: 'open', eval_time: '3m', exp_samples: [{ labels: 'open', value }] }],
    });
    // Without workers the work still counts, or nobody would start any.
    const atApi = series('staging_operations_running', 'api', 'api-a', '7x10');
    const tests = [test([...waiting, ...running, atApi], 28), test([...waiting, atApi], 20)];
    const file = path.join(folder, 'test.yaml');
    writeFileSync(file, stringify({ rule_files: ['rule.yaml'], evaluation_interval: '1m', tests }));
    expect(promtool('test', 'rules', file)).toMatchObject({ passed: true });
  });
});
