import { existsSync, readFileSync, statSync } from 'node:fs';
import { describeWhere } from '../../support/describe-where';
import { SERVICE_ACCOUNT } from '../../support/accounts';
import { cleanUpAfterEach } from '../../support/cleanups';
import { serviceAsMissing, startService } from '../../support/service';
import { ServiceEnded } from '../../support/service-process';

describe('startService', () => {
  cleanUpAfterEach();

  it('starts the real service on folders of its own, and stops it by SIGTERM', async () => {
    const service = await startService({ files: { 'obs/a.fits': 'content' } });
    expect(await service.get('/ping')).toMatchObject({ status: 200, body: { status: 'UP' } });
    const answer = await service.stage({ local_path_on_storage: 'obs/a.fits', relative_path: 'a.fits' });
    expect(answer).toMatchObject({ status: 200, body: { operation: { outcome: 'staged' } } });
    expect(readFileSync(`${service.areas}/ana/a.fits`, 'utf8')).toBe('content');
    expect(service.logText()).toContain(answer.body.operation.id);
    await expect(service.stop()).resolves.toBe(0);
    await expect(service.get('/ping')).rejects.toThrow(/ECONNREFUSED/);
  });

  it('starts again on the same folders, also after a hard end', async () => {
    const service = await startService({ files: { file: 'content' } });
    const { body } = await service.stage({ local_path_on_storage: 'file', relative_path: 'copy' });
    await service.kill9();
    expect(service.process.signalCode).toBe('SIGKILL');
    await service.restart({ STAGED_FILE_MODE: '0440' });
    expect(await service.get(`/operations/${body.operation.id}`)).toMatchObject({
      status: 200,
      body: { id: body.operation.id },
    });
    const { pid } = service.process;
    await service.restart();
    expect(service.process.pid).not.toBe(pid);
  });

  it('throws at once, with what the service wrote, when it ends instead of starting', async () => {
    const starting = startService({ env: { CHECKSUM: 'crc1' } });
    await expect(starting).rejects.toThrow(ServiceEnded);
    await expect(starting).rejects.toMatchObject({ ending: { code: 1 }, output: expect.stringContaining('CHECKSUM') });
  });

  let left: { dir: string; pid: number };
  it('leaves nothing behind when a test does not stop it', async () => {
    const service = await startService();
    left = { dir: service.dir, pid: service.process.pid! };
    expect(existsSync(`/proc/${left.pid}`)).toBe(true);
  });
  it('did so', () => {
    expect(existsSync(`/proc/${left.pid}`)).toBe(false);
    expect(existsSync(left.dir)).toBe(false);
  });
});

describeWhere(serviceAsMissing(SERVICE_ACCOUNT), 'startService as another account', () => {
  it('has no rights but those of the account', async () => {
    const service = await startService({ as: SERVICE_ACCOUNT, files: { file: 'content' } });
    const status = readFileSync(`/proc/${service.process.pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t61100\t61100\t61100\t61100$/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    const answer = await service.stage({ local_path_on_storage: 'file', relative_path: 'copy' });
    expect(answer.status).toBe(200);
    expect(statSync(`${service.areas}/ana/copy`).uid).toBe(SERVICE_ACCOUNT.uid);
  });
});
