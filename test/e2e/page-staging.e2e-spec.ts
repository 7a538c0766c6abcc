import { chmodSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { type Browser, type Page } from 'playwright-core';
import { browserMissing, startBrowser } from '../support/browser';
import { describeWhere } from '../support/describe-where';
import { notUtf8, writeFiles } from '../support/files';
import { type HungMount, hungMountMissing, mountHung } from '../support/hung-mount';
import { type Jupyterhub, jupyterhubMissing, startJupyterhub } from '../support/jupyterhub';
import { operations } from '../support/operations';
import { TestPage } from '../support/page';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** Staging as somebody does it who has never read a manual: in a real browser, on real files. */

let browser: Browser;
const opened: TestPage[] = [];
beforeAll(async () => {
  if (browserMissing() === null) browser = await startBrowser();
});
afterEach(async () => {
  for (const one of opened.splice(0)) {
    expect(one.complaints).toEqual([]);
    await one.close();
  }
});

async function openPage(address: string): Promise<Page> {
  const one = await TestPage.open(browser);
  opened.push(one);
  await one.page.goto(address);
  return one.page;
}

const entry = (page: Page, name: string | RegExp) =>
  page.getByRole('option', {
    name: typeof name === 'string' ? new RegExp(`^${name.replaceAll('.', '\\.')}\\s*,`) : name,
  });
/** Chooses an entry; a click on its name would open a directory. */
const choose = (page: Page, name: string | RegExp) => entry(page, name).locator('[data-check]').click();
const say = (page: Page, user: string) => page.getByRole('textbox', { name: 'User' }).fill(user);
const method = (page: Page, name: string) => page.getByRole('radio', { name: new RegExp(`^${name}`) }).check();
const stage = (page: Page) => page.getByRole('button', { name: /^Stage( \d+)?$/ }).click();
const card = (page: Page, name: string) => page.getByRole('article', { name });

describeWhere(browserMissing(), 'somebody who stages', () => {
  let service: RunningService;
  beforeAll(async () => {
    const files = {
      'obs/night1/a.fits': 'AAAA',
      'obs/night1/b.fits': 'BB',
      'obs/readme': 'hello',
      'other.txt': 'other',
    };
    service = await startService({ files });
    chmodSync(`${service.storage}/other.txt`, 0o444);
    const many = Array.from({ length: 1200 }, (_none, at) => [`lots/many-${String(at).padStart(4, '0')}`, '']);
    writeFiles(service.storage, Object.fromEntries(many) as Record<string, string>);
  });
  const area = (...names: string[]) => [service.areas, 'ana', ...names].join('/');

  it('finds a directory by clicking, sees what would happen, and has it', async () => {
    const page = await openPage(service.url);
    await entry(page, 'obs').click();
    await expect(page.title()).resolves.toBe('Stage · Quay');
    await choose(page, 'night1');
    await page.getByText('Say for which user it is.').waitFor();
    await say(page, 'ana');
    await page.getByText('Copies 6 B in 2 files').waitFor();
    await stage(page);
    const done = card(page, 'Copy night1');
    await done.getByText('Done').waitFor();
    await done.getByText('2 files, 6 B').waitFor();
    expect(readFileSync(area('night1/a.fits'), 'utf8')).toBe('AAAA');
    // Once more: it says so before the click, and after it.
    await page.getByText('1 is there already').waitFor();
    await stage(page);
    await page.getByText('It was there already, the same as the source.').waitFor();
    await page.reload();
    await card(page, 'Copy night1').first().waitFor();
    await done
      .first()
      .getByRole('button', { name: 'Remove the data' })
      .or(page.getByText('It was there'))
      .first()
      .waitFor();
  });

  it('stages several at once, below one directory, and finds each of them', async () => {
    const page = await openPage(service.url);
    await entry(page, 'obs').click();
    await entry(page, 'night1').click();
    await choose(page, 'a.fits');
    await choose(page, 'b.fits');
    await expect(page.getByLabel('Paths').inputValue()).resolves.toBe('obs/night1/a.fits\nobs/night1/b.fits');
    await say(page, 'ana');
    await page.getByLabel('Directory to put them into').fill('batch/');
    await page.getByText('Copies 6 B in 2 files').waitFor();
    await stage(page);
    const batch = page.getByRole('article', { name: 'Batch' });
    await batch.getByText('2 done').waitFor();
    expect(readdirSync(area('batch')).sort()).toEqual(['a.fits', 'b.fits']);
    // It is found again without this page.
    await page.getByRole('navigation').getByRole('link', { name: 'Operations' }).click();
    await page.getByRole('link', { name: 'Batches' }).click();
    await page.waitForURL(/\/ui\/operations\/batches$/);
    await batch.getByText('2 done').waitFor();
    await batch.getByRole('link', { name: 'See each' }).click();
    await page.getByRole('table').getByRole('link', { name: 'obs/night1/b.fits' }).waitFor();
    expect(page.url()).toMatch(/\/ui\/operations\?batch=[0-9a-f-]{36}$/);
  });

  it('links, and downloads a file and a directory', async () => {
    const page = await openPage(service.url);
    await choose(page, 'other.txt');
    await say(page, 'ana');
    await method(page, 'Link');
    await page.getByText('Links 5 B in 1 file').waitFor();
    await stage(page);
    await card(page, 'Link other.txt').getByText('Done').waitFor();
    await method(page, 'Download');
    await page.getByText('Downloads 5 B in 1 file').waitFor();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download', exact: true }).click(),
    ]);
    expect(readFileSync(await file.path(), 'utf8')).toBe('other');
    const [again] = await Promise.all([
      page.waitForEvent('download'),
      card(page, 'Download other.txt')
        .getByRole('button', { name: /^Download/ })
        .click(),
    ]);
    expect(again.suggestedFilename()).toBe('other.txt');
    await page.getByLabel('Paths').fill('obs/night1');
    const [archive] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download', exact: true }).click(),
    ]);
    expect(archive.suggestedFilename()).toBe('night1.zip');
    await page.getByLabel('Paths').fill('obs/night1\nother.txt');
    await page.getByText('One thing at a time can be downloaded').waitFor();
  });

  it('does it all by keys alone', async () => {
    const page = await openPage(service.url);
    await entry(page, 'obs').waitFor();
    const tab = async (to: () => Promise<boolean>) => {
      for (let keys = 0; keys < 40; keys += 1) {
        await page.keyboard.press('Tab');
        if (await to()) return;
      }
      throw new Error('It cannot be reached by Tab');
    };
    const isFocused = (selector: string) => () =>
      page
        .locator(`${selector}:focus`)
        .count()
        .then((count) => count === 1);
    await tab(isFocused('[role=listbox]'));
    for (const key of ['Home', 'ArrowDown', 'Enter']) await page.keyboard.press(key);
    await entry(page, 'night1').waitFor();
    await tab(isFocused('[role=listbox]'));
    await page.keyboard.press('End');
    await page.keyboard.press(' ');
    await page.keyboard.press('Backspace');
    await entry(page, 'other.txt').waitFor();
    await expect(page.getByLabel('Paths').inputValue()).resolves.toBe('obs/readme');
    await tab(isFocused('[autocomplete=username]'));
    await page.keyboard.type('keys');
    await page.getByText('Copies 5 B in 1 file').waitFor();
    await tab(isFocused('button[type=submit]'));
    await page.keyboard.press('Enter');
    await card(page, 'Copy readme').getByText('Done').waitFor();
    expect(readFileSync(`${service.areas}/keys/readme`, 'utf8')).toBe('hello');
  });

  it('finds one of very many by its name, and by scrolling', async () => {
    const page = await openPage(service.url);
    await entry(page, 'lots').click();
    await page.getByText('500 entries so far').waitFor();
    expect(await page.getByRole('option').count()).toBeLessThan(60);
    await page.getByRole('listbox', { name: 'Storage' }).press('End');
    await page.getByText('1,000 entries so far').waitFor();
    await page.getByLabel('Filter this directory').fill('1199');
    await entry(page, 'many-1199').waitFor();
    await page.getByText('1 of 1,200').waitFor();
    await page.getByLabel('Filter this directory').fill('nothing like it');
    await page.getByText('Nothing here fits').waitFor();
  });

  it('is told what is wrong in the words of the service, before and after the click', async () => {
    const page = await openPage(service.url);
    await page.getByLabel('Paths').fill('no/such/file');
    await say(page, 'not a name');
    await page.getByText('must have 1 to 64 ASCII letters').waitFor();
    await say(page, 'ana');
    await page.getByText('Source path does not exist: no/such/file').waitFor();
    await page.getByRole('textbox', { name: 'Destination' }).fill('../out');
    await page.getByText('leaves the user area').waitFor();
    await expect(page.getByRole('button', { name: 'Stage', exact: true }).isDisabled()).resolves.toBe(true);
    await page.getByRole('textbox', { name: 'Destination' }).fill('fine');
    await stage(page);
    const failed = card(page, 'Copy file');
    await failed.getByText('Failed').waitFor();
    await failed.getByText('Source path does not exist: no/such/file').waitFor();
    await failed.getByText('names differ in case').waitFor();
    writeFiles(service.areas, { 'ana/taken/file': '' });
    await page.getByLabel('Paths').fill('other.txt');
    await page.getByRole('textbox', { name: 'Destination' }).fill('taken');
    await page.getByText('The destination is a directory, the source a file').waitFor();
  });

  it('chooses where it goes from what is there', async () => {
    writeFiles(service.areas, { 'dora/inbox/here/.keep': '' });
    const page = await openPage(service.url);
    await choose(page, 'other.txt');
    await say(page, 'dora');
    await page.getByRole('button', { name: 'Choose a directory' }).click();
    const dialog = page.getByRole('dialog', { name: 'The area of dora' });
    await dialog.getByRole('option', { name: /^inbox\s*,/ }).click();
    await dialog.getByRole('option', { name: /^here\s*,/ }).click();
    await dialog.getByRole('button', { name: 'Put it into inbox/here' }).click();
    await expect(page.getByRole('textbox', { name: 'Destination' }).inputValue()).resolves.toBe('inbox/here/other.txt');
  });

  it('has the same as a command line', async () => {
    const page = await openPage(service.url);
    await choose(page, 'other.txt');
    await say(page, 'ana');
    await page.getByRole('button', { name: 'The same from a program' }).click();
    const program = page.getByRole('region', { name: 'Program' });
    await program.getByText(`curl '${service.url}/stage_data?method=local_copy&username=ana'`).waitFor();
    await page.getByText('Python', { exact: true }).click();
    await program.getByText('import requests').waitFor();
  });
});

describeWhere(browserMissing(), 'names that mean harm', () => {
  it('are shown as what they are, and can be staged', async () => {
    const names = {
      '<img src=x onerror=alert(1)>': 'markup',
      'a\u202egnp.exe': 'turned',
      'line\nbreak': 'broken',
      ['é'.repeat(127)]: 'long',
    };
    const service = await startService({ files: names });
    writeFileSync(notUtf8(service.storage), 'bytes');
    symlinkSync('/etc', `${service.storage}/leaves`);
    const page = await openPage(service.url);
    await entry(page, /^<img src=x onerror=alert\(1\)>\s*,/).waitFor();
    await entry(page, /^a⟨202E⟩gnp\.exe\s*,/).waitFor();
    await entry(page, /^line⟨000A⟩break\s*,/).waitFor();
    expect(await page.locator('img[src=x]').count()).toBe(0);
    const one = opened[0]!;
    expect(await one.overflows()).toBe(false);
    await one.picture('odd-names');
    await say(page, 'ana');
    for (const name of [/^<img/, /^é/, /^caf/]) await choose(page, name);
    await page.getByText('in 3 files').waitFor();
    await stage(page);
    await page.getByText('3 done').waitFor();
    expect(readdirSync(`${service.areas}/ana`, 'buffer')).toHaveLength(3);
    const [first] = await operations(service, 'q=img');
    await page.goto(`${service.url}/ui/operations/${first.id}`);
    await page.getByRole('dialog').getByText('<img src=x onerror=alert(1)>').first().waitFor();
    expect(await page.locator('img[src=x]').count()).toBe(0);
  });
});

describeWhere(browserMissing(), 'a large copy', () => {
  it('shows how far it is, and can be cancelled', async () => {
    const service = await startService({ env: { CHECKSUM: 'sha256' } });
    const piece = randomBytes(64 * 1024 ** 2);
    for (let at = 0; at < 24; at += 1) writeFileSync(`${service.storage}/large`, piece, { flag: 'a' });
    const page = await openPage(service.url);
    await choose(page, 'large');
    await say(page, 'ana');
    await page.getByText('Copies 1.50 GiB in 1 file').waitFor();
    await stage(page);
    const moving = card(page, 'Copy large');
    await moving.getByText(/ of 1\.50 GiB/).waitFor();
    await moving.getByText(/iB\/s, \d+ s left/).waitFor();
    await moving.getByRole('button', { name: 'Cancel' }).click();
    await moving.getByText('Cancelled').waitFor();
    expect(existsSync(`${service.areas}/ana/large`)).toBe(false);
    await moving.getByRole('button', { name: 'Try again' }).click();
    await moving.getByText('Done').waitFor({ timeout: 60_000 });
    await moving.getByText('verified by sha256').waitFor();
  }, 120_000);
});

describeWhere(browserMissing() ?? hungMountMissing(), 'a storage that does not answer', () => {
  let tape: HungMount;
  afterEach(() => tape.unmount());

  it('is told as such, and the page is there all the time', async () => {
    tape = await mountHung();
    writeFiles(tape.behind, { file: 'x' });
    const service = await startService({
      env: {
        SOURCE_STORAGE_PATH: `disk=/tmp,tape=${tape.path}`.replace('/tmp', '/usr/share/doc'),
        STORAGE_TIMEOUT_SECONDS: '2',
      },
    });
    const page = await openPage(service.url);
    await page.getByRole('option').first().waitFor();
    await tape.hang();
    await page.getByRole('combobox', { name: 'Storage' }).click();
    await page.getByRole('option', { name: 'tape' }).click();
    await page.getByText('The storage "tape" is not available').first().waitFor();
    await page.getByText('It is worth another try in a while.').first().waitFor();
    await page.getByRole('link', { name: 'Site' }).click();
    await page.getByText('Storage tape').waitFor();
    await page.getByText('down').first().waitFor();
    tape.resume();
    await page.getByRole('link', { name: 'Stage', exact: true }).click();
    await page.getByRole('combobox', { name: 'Storage' }).click();
    await page.getByRole('option', { name: 'tape' }).click();
    await until(async () => {
      const retry = page.getByRole('button', { name: 'Try again' });
      if ((await retry.count()) > 0) await retry.first().click();
      return (await entry(page, 'file').count()) > 0;
    }, 'the storage is not back');
  });
});

describeWhere(browserMissing() ?? jupyterhubMissing(), 'a Jupyter server', () => {
  let hub: Jupyterhub;

  it('gets the data, and is a click away', async () => {
    hub = await startJupyterhub({ users: ['jane'], startSeconds: 60 });
    const env = { JUPYTERHUB_URL: hub.url, JUPYTERHUB_TOKEN: hub.token };
    const service = await startService({ env, files: { 'data.csv': 'a,b' } });
    const page = await openPage(service.url);
    await choose(page, 'data.csv');
    await say(page, 'jane');
    await method(page, 'To Jupyter');
    await page.getByRole('textbox', { name: 'Destination' }).fill('from-page.csv');
    await stage(page);
    const done = card(page, 'To Jupyter data.csv');
    await done.getByText('Done').waitFor({ timeout: 90_000 });
    const link = await done.getByRole('link', { name: 'Open in Jupyter' }).getAttribute('href');
    expect(link).toBe(`${hub.url}hub/user-redirect/lab/tree/from-page.csv`);
  }, 150_000);
});
