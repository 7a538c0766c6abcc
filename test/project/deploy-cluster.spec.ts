import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeSettings, loadSettings } from '@app/core';
import { describeWhere } from '../support/describe-where';
import { schemaProblems } from '../support/kubernetes-schema';
import { type ClusterObject, kubectlMissing, render } from '../support/kustomize';
import { temporaryFolder } from '../support/temporary-folder';

const deploy = path.resolve(__dirname, '../../deploy');
const overlays = path.join(deploy, 'kustomize/overlays');
const SETTINGS = new Set(describeSettings().flatMap(({ name }) => [name, `${name}_FILE`]));
/** What the deployments name for themselves. */
const OWN_NAMES = ['POD_IP', 'SITE_HOSTS'];
const SECRETS = '/run/secrets/staging/';

/** Secrets as a site would have them. */
const REAL_SECRETS: Record<string, string> = {
  'database-url': 'mysql://staging:a-password@mysql.example.org:3306/staging',
  'redis-url': 'redis://:a-password@redis.example.org:6379',
  'download-secret': 'd'.repeat(43),
  'metrics-token': 'm'.repeat(43),
  'jupyterhub-token': 'j'.repeat(43),
};

/** An overlay with other components: of each pair the first is replaced by the others. */
type Change = [component: string, ...instead: string[]];

/** Renders an overlay whose list of components was changed, in a copy. */
function renderWith(overlay: string, ...changes: Change[]): ClusterObject[] {
  const copy = temporaryFolder('staging-deploy-');
  cpSync(deploy, copy, { recursive: true });
  const folder = path.join(copy, 'kustomize/overlays', overlay);
  const file = path.join(folder, 'kustomization.yaml');
  let text = readFileSync(file, 'utf8');
  for (const [component, ...instead] of changes) {
    const line = new RegExp(`^  (?:# )?- ../../components/${component}$`, 'm');
    expect(text).toMatch(line);
    text = text.replace(line, instead.map((name) => `  - ../../components/${name}`).join('\n'));
  }
  writeFileSync(file, text);
  return render(folder);
}

const VARIANTS: [title: string, make: () => ClusterObject[]][] = [
  ['single', () => render(path.join(overlays, 'single'))],
  ['scaled', () => render(path.join(overlays, 'scaled'))],
  ['scaled-cephfs', () => render(path.join(overlays, 'scaled-cephfs'))],
  ['single on NFS', () => renderWith('single', ['storage-local', 'storage-nfs'])],
  ['single on CephFS, watched', () => renderWith('single', ['storage-local', 'storage-cephfs', 'monitoring'])],
  ['scaled on one node', () => renderWith('scaled', ['storage-nfs', 'storage-local'])],
  [
    'scaled, migrated first',
    () => renderWith('scaled', ['autoscaling', 'migrate-first'], ['monitoring', 'monitoring']),
  ],
];

const only = (objects: ClusterObject[], kind: string) => objects.filter((object) => object.kind === kind);
const find = (objects: ClusterObject[], kind: string, name: string) =>
  only(objects, kind).find(({ metadata }) => metadata.name === name);
/** What runs pods. */
const workloads = (objects: ClusterObject[]) => objects.filter(({ spec }) => spec?.template?.spec?.containers);
const podOf = (workload: ClusterObject) => workload.spec.template.spec;
const containersOf = (workload: ClusterObject): ClusterObject[] => [
  ...(podOf(workload).initContainers ?? []),
  ...podOf(workload).containers,
];
const labelsOf = (workload: ClusterObject): Record<string, string> => workload.spec.template.metadata.labels;

interface Selector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values: string[] }[];
}

function isSelected({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Record<string, string>): boolean {
  const hasLabels = Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
  return (
    hasLabels &&
    matchExpressions.every(({ key, operator, values }) => {
      if (operator !== 'In') throw new Error(`This test does not know ${operator}`);
      return values.includes(labels[key]!);
    })
  );
}

/** The environment of a container, as the kubelet makes it; secrets are files of `secrets`. */
function environmentOf(objects: ClusterObject[], container: ClusterObject, secrets: string): Record<string, string> {
  const environment: Record<string, string> = {};
  const settingsOf = (name: string): Record<string, string> => find(objects, 'ConfigMap', name).data;
  for (const { configMapRef } of container.envFrom ?? []) Object.assign(environment, settingsOf(configMapRef.name));
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef) environment[name] = '10.1.2.3';
    else if (valueFrom) environment[name] = settingsOf(valueFrom.configMapKeyRef.name)[valueFrom.configMapKeyRef.key]!;
    else environment[name] = (value as string).replace(/\$\((\w+)\)/g, (_all, other: string) => environment[other]!);
  }
  for (const [name, value] of Object.entries(environment)) {
    if (value.startsWith(SECRETS)) environment[name] = value.replace(SECRETS, `${secrets}/`);
  }
  return environment;
}

/** A folder with secrets: those given, by the keys of the rendered secret. */
function secretsFolder(objects: ClusterObject[], contents: (key: string, rendered: string) => string): string {
  const folder = temporaryFolder();
  const { data } = only(objects, 'Secret').find(({ metadata }) => metadata.name.startsWith('staging-secrets'));
  for (const [key, text] of Object.entries(data as Record<string, string>)) {
    writeFileSync(path.join(folder, key), contents(key, Buffer.from(text, 'base64').toString()));
  }
  return folder;
}

describe('the folder of overlays', () => {
  it('holds those that are rendered here', () => {
    expect(readdirSync(overlays).sort()).toEqual(['scaled', 'scaled-cephfs', 'single']);
  });

  it('names each component in some overlay or in the documentation', () => {
    const said = readFileSync(path.resolve(deploy, '../docs/deployment.md'), 'utf8');
    const unnamed = readdirSync(path.join(deploy, 'kustomize/components')).filter(
      (name) => !said.includes(`\`${name}\``),
    );
    expect(unnamed).toEqual([]);
  });
});

describeWhere(kubectlMissing(), 'the checks themselves', () => {
  const deployment = () => find(render(path.join(overlays, 'scaled')), 'Deployment', 'staging-worker');
  const changed = (change: (object: ClusterObject) => void) => {
    const object = deployment();
    change(object);
    return schemaProblems([object]).join('\n');
  };

  it('notice what is misspelt, missing or of a wrong kind', () => {
    const container = (object: ClusterObject) => podOf(object).containers[0];
    expect(changed(() => undefined)).toBe('');
    expect(changed((object) => (container(object).imagePullPolcy = 'Always'))).toMatch(
      /staging-worker.*imagePullPolcy/,
    );
    expect(changed((object) => (object.spec.replica = 2))).toMatch(/"replica"' does not exist/);
    expect(changed((object) => (container(object).securityContext.readOnlyRootFileSystem = true))).toMatch(
      /readOnlyRootFileS/,
    );
    expect(changed((object) => (container(object).imagePullPolicy = 'never'))).toMatch(/allowed values/);
    expect(changed((object) => (container(object).ports[0].containerPort = 'http'))).toMatch(/must be integer/);
    expect(changed((object) => delete object.spec.selector)).toMatch(/selector/);
    expect(() => changed((object) => (object.apiVersion = 'apps/v1beta9'))).toThrow('No schema');
  });
});

describeWhere(kubectlMissing(), 'the way in and what is watched', () => {
  const objects = () => renderWith('scaled', ['monitoring', 'monitoring'], ['storage-nfs', 'storage-nfs']);

  it('lets large bodies, events and sockets through', () => {
    const [main, sockets] = only(objects(), 'Ingress');
    expect(main.metadata.annotations).toMatchObject({
      'nginx.ingress.kubernetes.io/proxy-body-size': '65m',
      'nginx.ingress.kubernetes.io/proxy-buffering': 'off',
      'nginx.ingress.kubernetes.io/proxy-request-buffering': 'off',
    });
    expect(sockets.spec.rules[0].http.paths[0].path).toBe('/socket.io/');
    expect(sockets.metadata.annotations).toHaveProperty(['nginx.ingress.kubernetes.io/upstream-hash-by']);
    // The controller has one way of choosing a process for each service.
    const serviceOf = (ingress: ClusterObject) => ingress.spec.rules[0].http.paths[0].backend.service.name as string;
    expect(serviceOf(sockets)).not.toBe(serviceOf(main));
  });

  it('asks both kinds of process by ports that they have, with the token that they know', () => {
    const all = objects();
    const [{ spec }] = only(all, 'PodMonitor');
    const watched = only(all, 'Deployment').filter((one) => isSelected(spec.selector, labelsOf(one)));
    expect(watched.map(({ metadata }) => metadata.name).sort()).toEqual(['staging-api', 'staging-worker']);
    const ports = watched.flatMap((one) => podOf(one).containers[0].ports.map(({ name }: ClusterObject) => name));
    expect(spec.podMetricsEndpoints.map(({ port }: ClusterObject) => port).sort()).toEqual(ports.sort());
    for (const { authorization } of spec.podMetricsEndpoints) {
      expect(find(all, 'Secret', authorization.credentials.name).data).toHaveProperty([authorization.credentials.key]);
    }
  });
});

describeWhere(kubectlMissing(), 'a process that gives files to their users', () => {
  it('has three capabilities and no others', () => {
    const objects = renderWith('scaled', ['jupyterhub', 'users-own-files']);
    expect(schemaProblems(objects)).toEqual([]);
    for (const deployment of only(objects, 'Deployment')) {
      expect(podOf(deployment).securityContext).toMatchObject({ runAsUser: 0 });
      expect(podOf(deployment).containers[0].securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'], add: ['CHOWN', 'FOWNER', 'DAC_OVERRIDE'] },
      });
    }
  });
});

describe.each(VARIANTS)('%s', (_title, make) => {
  describeWhere(kubectlMissing(), 'rendered', () => {
    let objects: ClusterObject[];
    beforeAll(() => {
      objects = make();
    });

    it('is what the schemas allow', () => {
      expect(schemaProblems(objects)).toEqual([]);
    });

    it('puts everything into one namespace, and names nothing twice', () => {
      const clusterWide = ['Namespace', 'PersistentVolume', 'StorageClass'];
      const names = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      expect(new Set(names).size).toBe(names.length);
      for (const { kind, metadata } of objects) {
        if (!clusterWide.includes(kind as string)) expect(metadata.namespace).toBe('staging');
      }
    });

    it('runs as an ordinary user, with nothing that can be written but volumes', () => {
      for (const workload of workloads(objects)) {
        expect(podOf(workload)).toMatchObject({
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: 'RuntimeDefault' } },
        });
        for (const container of containersOf(workload)) {
          expect(container.securityContext).toEqual({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          });
          expect(container.resources).toMatchObject({
            requests: { cpu: expect.any(String), memory: expect.any(String) },
            limits: { memory: expect.any(String) },
          });
        }
      }
    });

    it('never lets the kubelet change owners in the data', () => {
      for (const workload of workloads(objects)) {
        const { securityContext, volumes } = podOf(workload);
        const claims = volumes.map(({ persistentVolumeClaim }: ClusterObject) => persistentVolumeClaim?.claimName);
        if (claims.includes('staging-user-areas')) expect(securityContext).not.toHaveProperty('fsGroup');
      }
    });

    it('is probed at ports that are declared, and for long enough', () => {
      for (const deployment of only(objects, 'Deployment')) {
        const [container] = podOf(deployment).containers;
        const ports = Object.fromEntries(
          container.ports.map(({ name, containerPort }: ClusterObject) => [name, containerPort]),
        );
        for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
          const { path: asked, port } = container[probe].httpGet;
          expect(ports).toHaveProperty([port]);
          expect(asked).toBe(probe === 'readinessProbe' ? '/health/ready' : '/health/live');
        }
        const { PORT, WORKER_HTTP_PORT } = environmentOf(objects, container, '');
        expect(Object.values(ports)).toEqual([Number(WORKER_HTTP_PORT ?? PORT)]);
      }
    });

    it('mounts volumes that it has, from claims, secrets and config maps that are there', () => {
      for (const workload of workloads(objects)) {
        const { volumes } = podOf(workload);
        const names = volumes.map(({ name }: ClusterObject) => name);
        const mounted = containersOf(workload).flatMap(({ volumeMounts }) =>
          volumeMounts.map((one: ClusterObject) => one.name),
        );
        expect([...new Set(mounted)].sort()).toEqual([...names].sort());
        for (const { persistentVolumeClaim, secret } of volumes) {
          if (persistentVolumeClaim)
            expect(find(objects, 'PersistentVolumeClaim', persistentVolumeClaim.claimName)).toBeDefined();
          if (secret) expect(find(objects, 'Secret', secret.secretName)).toBeDefined();
        }
        expect(find(objects, 'ServiceAccount', podOf(workload).serviceAccountName)).toBeDefined();
      }
    });

    it('binds each claim of data to its own volume', () => {
      for (const { metadata, spec } of only(objects, 'PersistentVolumeClaim')) {
        if (metadata.name === 'staging-state') continue;
        const volume = find(objects, 'PersistentVolume', spec.volumeName);
        expect(volume.spec).toMatchObject({
          storageClassName: spec.storageClassName,
          accessModes: spec.accessModes,
          capacity: spec.resources.requests,
          persistentVolumeReclaimPolicy: 'Retain',
        });
        if (volume.spec.local) expect(volume.spec).toHaveProperty('nodeAffinity.required');
        const account = volume.spec.csi?.nodeStageSecretRef;
        if (account) expect(find(objects, 'Secret', account.name).metadata.namespace).toBe(account.namespace);
      }
    });

    it('selects what it means to', () => {
      const labels = workloads(objects).map(labelsOf);
      const selected = (selector: Selector) => labels.filter((one) => isSelected(selector, one));
      for (const { spec } of only(objects, 'Deployment'))
        expect(selected(spec.selector)).toEqual([spec.template.metadata.labels]);
      for (const { spec } of only(objects, 'Service')) {
        const [found, ...others] = workloads(objects).filter((one) =>
          isSelected({ matchLabels: spec.selector }, labelsOf(one)),
        );
        expect(others).toEqual([]);
        const ports = podOf(found).containers[0].ports.map(({ name }: ClusterObject) => name);
        for (const { targetPort } of spec.ports) expect(ports).toContain(targetPort);
      }
      for (const { metadata, spec } of only(objects, 'PodDisruptionBudget')) {
        expect(selected(spec.selector)).toEqual([labelsOf(find(objects, 'Deployment', metadata.name))]);
      }
      for (const { metadata, spec } of only(objects, 'NetworkPolicy')) {
        expect({ policy: metadata.name, pods: selected(spec.podSelector).length }).not.toMatchObject({ pods: 0 });
      }
      for (const { spec } of only(objects, 'Deployment')
        .map(podOf)
        .flatMap((pod) => pod.topologySpreadConstraints ?? [])
        .map((one) => ({ spec: one }))) {
        expect(selected(spec.labelSelector)).toHaveLength(1);
      }
    });

    it('denies what is not allowed, both ways', () => {
      expect(find(objects, 'NetworkPolicy', 'staging-deny-all').spec).toEqual({
        podSelector: {},
        policyTypes: ['Ingress', 'Egress'],
      });
      const [found] = only(objects, 'NetworkPolicy').filter(
        ({ metadata }) => metadata.name === 'staging-api-from-ingress',
      );
      expect(found.spec.ingress[0].from).toHaveLength(1);
    });

    it('sends requests to a service and port that there are', () => {
      for (const { spec } of only(objects, 'Ingress')) {
        for (const { backend } of spec.rules.flatMap(({ http }: ClusterObject) => http.paths)) {
          const { ports } = find(objects, 'Service', backend.service.name).spec;
          expect(ports.map(({ name }: ClusterObject) => name)).toContain(backend.service.port.name);
        }
        expect(spec.tls[0].hosts).toEqual(spec.rules.map(({ host }: ClusterObject) => host));
      }
    });

    it('scales workers, and lets nothing else set their number', () => {
      for (const { spec } of only(objects, 'HorizontalPodAutoscaler')) {
        const { kind, name } = spec.scaleTargetRef;
        expect(find(objects, kind, name).spec).not.toHaveProperty('replicas');
        expect(labelsOf(find(objects, kind, name))).toMatchObject({ 'app.kubernetes.io/component': 'worker' });
        const rules = readFileSync(
          path.join(deploy, 'kustomize/components/autoscaling/prometheus-adapter.yaml'),
          'utf8',
        );
        expect(rules).toContain(`as: ${spec.metrics[0].external.metric.name}\n`);
      }
    });

    it('sets what is a setting, with values that a start accepts, and signs users in', () => {
      const secrets = secretsFolder(objects, (key) => REAL_SECRETS[key]!);
      for (const workload of workloads(objects)) {
        for (const container of containersOf(workload)) {
          const environment = environmentOf(objects, container, secrets);
          expect(Object.keys(environment).filter((name) => !SETTINGS.has(name) && !OWN_NAMES.includes(name))).toEqual(
            [],
          );
          // What the image sets by itself counts where nothing stands here.
          const settings = loadSettings({ DATABASE_URL: 'sqlite:/var/lib/staging/staging.sqlite', ...environment });
          if (workload.kind === 'Deployment') expect(settings.get('AUTH_MODE')).toBe('oidc');
          const grace = podOf(workload).terminationGracePeriodSeconds ?? Infinity;
          expect(grace).toBeGreaterThan(settings.get('SHUTDOWN_GRACE_SECONDS') + 5);
          if (container.name === 'api') {
            const names = settings.get('ALLOWED_HOSTS')!;
            expect(names).toEqual(expect.arrayContaining([new URL(settings.get('PUBLIC_URL')!).hostname, '10.1.2.3']));
            for (const { spec } of only(objects, 'Ingress')) expect(names).toContain(spec.rules[0].host);
            // Another one than workers have would be another queue.
            expect(settings.get('REDIS_URL') !== undefined).toBe(
              find(objects, 'Deployment', 'staging-worker') !== undefined,
            );
          }
        }
      }
    });

    it('does not start with the examples of secrets', () => {
      const secrets = secretsFolder(objects, (_key, rendered) => rendered);
      for (const deployment of only(objects, 'Deployment')) {
        const environment = environmentOf(objects, podOf(deployment).containers[0], secrets);
        expect(() => loadSettings(environment)).toThrow(
          /DOWNLOAD_SECRET[^]*METRICS_TOKEN|METRICS_TOKEN[^]*DOWNLOAD_SECRET/,
        );
      }
    });

    it('has the log, and the database where it is a file, fit on their volume, and one process use it', () => {
      const api = find(objects, 'Deployment', 'staging-api');
      const environment = environmentOf(objects, podOf(api).containers[0], '');
      if (environment.DATABASE_URL === '') return;
      expect(environment.DATABASE_URL).toMatch(/^sqlite:\/var\/lib\/staging\//);
      expect(api.spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
      const state = podOf(api).volumes.find(({ name }: ClusterObject) => name === 'state');
      expect(state).toEqual({ name: 'state', persistentVolumeClaim: { claimName: 'staging-state' } });
    });
  });
});
