import { execFileSync } from 'node:child_process';
import { type Records } from '../create-records';
import { insertRows } from '../database/table-statements';
import { StagingProcess } from '../entities/staging-process.entity';
import { SqliteSite } from '../testing/test-records';
import { ProcessIdentity } from './process-identity';
import { Processes } from './processes';

const ELSEWHERE = 'elsewhere/00000000-0000-0000-0000-000000000000/1/1/1';

/** The name of a process of this host that has ended. */
function deadProcess(): string {
  const script = `const { ProcessIdentity } = require(${JSON.stringify(compiled('process-identity.js'))});
    process.stdout.write(new ProcessIdentity().name);`;
  return execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' });
}

function compiled(name: string): string {
  return `${__dirname.replace(/\/libs\//, '/dist/libs/')}/${name}`;
}

/** An identity of another name, which knows no one to be dead. */
function identity(name: string, dead: string[] = []): ProcessIdentity {
  return {
    name,
    isDead: (other: string) => dead.includes(other),
    sharesBoot: () => true,
  } as unknown as ProcessIdentity;
}

describe('Processes', () => {
  const site = new SqliteSite();
  let records: Records;
  let seconds: number;
  const processesOf = (who: ProcessIdentity) => new Processes(records.database, who, undefined, () => seconds * 1000);

  beforeEach(async () => {
    records = await site.open();
    seconds = 0;
  });
  afterAll(() => site.close());

  const enter = async (name: string, age = 0) => {
    const row = { name, heartbeatAt: new Date(Date.now() - age * 1000), heir: null };
    await records.database.write((manager) => insertRows(manager, StagingProcess, [row]));
  };

  it('know at once that a process of this host has ended', async () => {
    await records.processes.register();
    await records.processes.register();
    const dead = deadProcess();
    await enter(dead);
    await enter(ELSEWHERE);
    expect(await records.processes.dead()).toEqual([dead]);
  });

  it('take one of another host for dead that does not beat, once two looks have found it so', async () => {
    await enter(ELSEWHERE, 121);
    await enter('another/00000000-0000-0000-0000-000000000000/1/1/1', 100);
    const processes = processesOf(records.identity);
    expect(await processes.dead()).toEqual([]);
    seconds = 44;
    expect(await processes.dead()).toEqual([]);
    seconds = 45;
    expect(await processes.dead()).toEqual([ELSEWHERE]);
  });

  it('do not take one for dead that beats again after a database was away for long', async () => {
    const other = processesOf(identity(ELSEWHERE));
    await enter(ELSEWHERE, 600);
    const processes = processesOf(records.identity);
    expect(await processes.dead()).toEqual([]);
    await other.beat();
    seconds = 60;
    expect(await processes.dead()).toEqual([]);
  });

  it('have one heir, and another when that one dies', async () => {
    const dead = deadProcess();
    await enter(dead);
    const heirs = ['first', 'second'].map((name) => processesOf(identity(name)));
    for (const heir of heirs) await heir.register();
    const wins = await Promise.all(heirs.map((heir) => heir.inherit(dead)));
    expect(wins.filter(Boolean)).toHaveLength(1);
    const winner = ['first', 'second'][wins.indexOf(true)]!;
    // Who is the heir already may go on.
    expect(await heirs[wins.indexOf(true)]!.inherit(dead)).toBe(true);
    const third = processesOf(identity('third'));
    expect(await third.inherit(dead)).toBe(false);
    expect(await processesOf(identity('third', [winner])).inherit(dead)).toBe(true);
  });

  it('forget who has left nothing', async () => {
    const dead = deadProcess();
    await enter(dead);
    await records.processes.forget(dead);
    await records.processes.forget(dead);
    expect(await records.processes.dead()).toEqual([]);
    expect(await records.processes.inherit(dead)).toBe(false);
  });

  it('enter again one that was taken for dead and lives', async () => {
    await records.processes.register();
    const other = processesOf(identity('other'));
    expect(await other.inherit(records.identity.name)).toBe(true);
    await other.forget(records.identity.name);
    await records.processes.beat();
    expect(await other.inherit(records.identity.name)).toBe(true);
  });
});
