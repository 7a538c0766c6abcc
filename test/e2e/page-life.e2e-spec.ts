import { readFileSync } from 'node:fs';
import { type Browser, type Page } from 'playwright-core';
import { browserMissing, startBrowser } from '../support/browser';
import { describeWhere } from '../support/describe-where';
import { writeFiles } from '../support/files';
import { OpenIdProvider } from '../support/openid-provider';
import { TestPage } from '../support/page';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** The page over the day: finding what was staged, reading the log, a service that goes away, signing in. */

let browser: Browser;
const opened: TestPage[] = [];
beforeAll(async () => {
  if (browserMissing() === null) browser = await startBrowser();
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function openPage(address: string): Promise<Page> {
  const one = await TestPage.open(browser);
  opened.push(one);
  await one.page.goto(address);
  return one.page;
}

describeWhere(browserMissing(), 'somebody who looks for what was staged', () => {
  let service: RunningService;
  let failed: string;
  beforeAll(async () => {
    service = await startService({ files: { 'night1/42.fits': 'FITS', other: 'x' } });
    await service.stage({ local_path_on_storage: 'night1', relative_path: 'n1', label: 'first' }, { username: 'ana' });
    await service.stage({ local_path_on_storage: 'other', relative_path: '=other' }, { username: 'bob' });
    failed = (await service.stage({ local_path_on_storage: 'gone' }, { username: 'bob', method: 'direct_download' }))
      .body.operation_id as string;
    for (let at = 0; at < 120; at += 1) {
      await service.stage({ local_path_on_storage: 'other', relative_path: 'many' }, { username: 'carl' });
    }
  });
  const rows = (page: Page) => page.getByRole('table').getByRole('row');
  const row = (page: Page, text: string) => page.getByRole('table').getByRole('link', { name: text });

  it('filters, and has the filter in the address, also after a reload and by "back"', async () => {
    const page = await openPage(`${service.url}/ui/operations`);
    await row(page, 'other').first().waitFor();
    await page.getByRole('combobox', { name: 'Status' }).click();
    await page.getByRole('option', { name: 'Failed' }).click();
    await row(page, 'gone').waitFor();
    await until(async () => (await rows(page).count()) === 2, 'others are shown too');
    expect(page.url()).toContain('status=failure');
    await page.reload();
    await row(page, 'gone').waitFor();
    await until(async () => (await rows(page).count()) === 2, 'the filter is gone');
    await page.goBack();
    await row(page, 'other').first().waitFor();
    await page.getByRole('textbox', { name: 'Text' }).fill('first');
    await row(page, 'night1').waitFor();
    await until(async () => (await rows(page).count()) === 2, 'the text is not looked for');
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByRole('textbox', { name: 'User' }).fill('bob');
    await row(page, 'gone').waitFor();
    await page.getByRole('textbox', { name: 'Text' }).fill('nothing like it');
    await page.getByText('Nothing fits').waitFor();
  });

  it('sees all of many by scrolling, and new ones by themselves', async () => {
    const page = await openPage(`${service.url}/ui/operations`);
    await page.getByText('50 so far').waitFor();
    const list = page.getByRole('region', { name: 'Operations' });
    await until(async () => {
      await list.evaluate('(element) => element.scrollTo(0, element.scrollHeight)').catch(() => undefined);
      await list.press('End');
      return (await page.getByText('123 in all').count()) > 0;
    }, 'the rest does not come');
    await page.goto(`${service.url}/ui/operations?username=dora`);
    await page.getByText('Nothing fits').waitFor();
    await service.stage({ local_path_on_storage: 'other', relative_path: 'fresh' }, { username: 'dora' });
    await row(page, 'other').waitFor();
  });

  it('reads why one failed, its log and its files, at an address of its own, and stages it again', async () => {
    const page = await openPage(`${service.url}/ui/operations/${failed}`);
    const panel = page.getByRole('dialog', { name: 'gone' });
    await panel.getByText('Source path does not exist: gone').waitFor();
    await panel.getByText('names differ in case').waitFor();
    await panel.getByRole('tab', { name: 'Log' }).click();
    await panel.getByText('POST /stage_data').waitFor();
    await page.keyboard.press('Escape');
    expect(page.url()).toBe(`${service.url}/ui/operations`);
    await row(page, 'night1').or(row(page, 'other').first()).first().waitFor();
    await page.goto(`${service.url}/ui/operations?q=first`);
    await row(page, 'night1').click();
    const whole = page.getByRole('dialog', { name: 'night1' });
    await whole.getByRole('tab', { name: 'Files' }).click();
    await whole.getByRole('cell', { name: '42.fits' }).waitFor();
    await whole
      .getByRole('button', { name: 'Stage again' })
      .or(whole.getByRole('link', { name: 'Stage again' }))
      .click();
    await page.getByText('1 is there already').waitFor();
    await expect(page.getByRole('textbox', { name: 'User' }).inputValue()).resolves.toBe('ana');
    await page.goBack();
    await whole.getByRole('button', { name: 'Remove the data' }).click();
    await page.getByRole('button', { name: 'Remove it' }).click();
    await whole.getByText('What was staged was removed again.').waitFor();
  });

  it('takes them along as a table that no spreadsheet runs', async () => {
    const page = await openPage(`${service.url}/ui/operations?username=bob`);
    await row(page, 'other').waitFor();
    for (const form of ['CSV', 'JSON']) {
      await page.getByRole('button', { name: 'Export' }).click();
      const [saved] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('menuitem', { name: `As ${form}` }).click(),
      ]);
      const text = readFileSync(await saved.path(), 'utf8');
      if (form === 'CSV') expect(text).toContain(",'=other,");
      else expect(JSON.parse(text)).toHaveLength(2);
    }
  });
});

describeWhere(browserMissing(), 'an operator', () => {
  it('reads the log as it happens, filtered, paused and from before', async () => {
    const service = await startService({ files: { file: 'x' } });
    for (let at = 0; at < 900; at += 1) await service.get(`/storage?x=${at}`);
    const page = await openPage(`${service.url}/ui/logs`);
    await page.getByText('Live').waitFor();
    await page
      .getByText('500 lines')
      .or(page.getByText(/^5\d\d lines/))
      .waitFor();
    await page.getByLabel('Text in the line').fill('POST /stage_data');
    await page.getByText('No line fits so far').waitFor();
    const stage = (name: string) => service.stage({ local_path_on_storage: 'file', relative_path: name });
    await stage('one');
    await page.getByText('1 line', { exact: true }).waitFor();
    await page.getByRole('log').getByRole('link', { name: 'operation' }).waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await stage('two');
    await page.getByRole('button', { name: 'Go on (1 new)' }).click();
    await page.getByText('2 lines').waitFor();
    await page.getByRole('log').getByRole('button', { name: 'trace' }).first().click();
    expect(await page.getByLabel('Text in the line').inputValue()).toMatch(/^[0-9a-f]{32}$/);
    // All that this one request led to, and nothing of the other.
    for (const text of ['POST /stage_data', 'Staging requested', /^Staged\b/]) {
      await until(
        async () => (await page.getByRole('log').getByText(text).count()) === 1,
        `not one line with ${String(text)}`,
      );
    }
    await page.getByLabel('Text in the line').fill('POST /stage_data');
    await page.getByText('2 lines').waitFor();
    await page.getByText('ERROR', { exact: true }).click();
    await page.getByText('No line fits so far').waitFor();
    await page.getByText('INFO', { exact: true }).first().click();
    await page.getByLabel('Text in the line').fill('GET /storage');
    await page.getByText('500 lines').waitFor();
    const log = page.getByRole('log', { name: 'Log' });
    await until(async () => {
      await log.evaluate('(element) => element.scrollTo(0, 0)').catch(() => undefined);
      await log.press('Home');
      return (await page.getByText('900 lines').count()) > 0;
    }, 'what was before does not come');
    const [saved] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download' }).click(),
    ]);
    expect(saved.suggestedFilename()).toBe('staging_service.log');
    expect(opened[0]!.complaints).toEqual([]);
  }, 60_000);

  it('makes a file, and is told clearly when not', async () => {
    const service = await startService({ files: { there: 'x' } });
    const page = await openPage(`${service.url}/ui/files`);
    await page.getByRole('textbox', { name: 'Name' }).fill('hello.txt');
    await page.getByRole('textbox', { name: 'Content' }).fill('Hello, sky!');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByText('The file is there').waitFor();
    expect(readFileSync(`${service.storage}/hello.txt`, 'utf8')).toBe('Hello, sky!');
    await page.getByRole('textbox', { name: 'Name' }).fill('there');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByText('A file of this name exists already').waitFor();
    await page.getByRole('textbox', { name: 'Name' }).fill('../out');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByText('The path leads out of the storage').waitFor();
    await service.restart({ FILE_CREATION_ENABLED: 'false' });
    await page.goto(service.url);
    await page.getByRole('link', { name: 'Site' }).waitFor();
    expect(await page.getByRole('link', { name: 'Files' }).count()).toBe(0);
  });
});

describeWhere(browserMissing(), 'a service that goes away and comes back', () => {
  it('is told, and the page goes on by itself', async () => {
    const service = await startService({ files: { file: 'x' } });
    const page = await openPage(service.url);
    await page.getByRole('option', { name: /^file/ }).waitFor();
    await service.stop();
    await page.getByText('The connection to the service is lost').waitFor({ timeout: 25_000 });
    await page.getByRole('link', { name: 'Operations' }).click();
    writeFiles(service.storage, { another: 'y' });
    await service.start();
    await page.getByText('The connection to the service is lost').waitFor({ state: 'hidden', timeout: 25_000 });
    await page.getByText('Nothing was staged yet').waitFor();
    await page.getByRole('link', { name: 'Stage', exact: true }).click();
    await page.getByRole('option', { name: /^another/ }).waitFor();
    await page.getByRole('link', { name: 'Logs' }).click();
    await page.getByText('Live').waitFor();
    await service.stop();
    await page.getByText('Connecting').waitFor();
    await service.start();
    await page.getByText('Live').waitFor({ timeout: 25_000 });
    expect(opened[0]!.complaints).toEqual([]);
  }, 120_000);
});

describeWhere(browserMissing(), 'a site with sign-in', () => {
  const PEOPLE = {
    alice: { preferred_username: 'alice' },
    olga: { preferred_username: 'olga', groups: ['operators'] },
  };

  async function siteWith(lifetimeSeconds: number): Promise<{ service: RunningService; provider: OpenIdProvider }> {
    const provider = await OpenIdProvider.start(PEOPLE, { lifetimeSeconds });
    const env = { ...provider.settings, OIDC_OPERATOR_GROUPS: 'operators', OIDC_CLIENT_ID: 'page' };
    const service = await startService({ env, files: { file: 'x' } });
    await provider.serve(service.url);
    await service.stage(
      { local_path_on_storage: 'file', relative_path: 'of-olga' },
      { username: 'olga' },
      await provider.bearer('olga'),
    );
    return { service, provider };
  }

  async function signIn(page: Page, name: string): Promise<void> {
    await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill(name);
    await page.getByRole('button', { name: 'Go' }).click();
    await page.getByRole('button', { name }).waitFor();
  }

  it('asks who one is, goes on where one was, and stages for oneself alone', async () => {
    const { service } = await siteWith(600);
    const page = await openPage(`${service.url}/ui/operations?status=success`);
    await page.getByText('Sign in to go on').waitFor();
    await opened[0]!.picture('sign-in');
    await signIn(page, 'alice');
    expect(page.url()).toBe(`${service.url}/ui/operations?status=success`);
    await page.getByText('Nothing fits').waitFor();
    expect(await page.getByRole('link', { name: 'Logs' }).count()).toBe(0);
    await page.getByRole('link', { name: 'Stage', exact: true }).click();
    await page.getByRole('option', { name: /^file/ }).locator('[data-check]').click();
    const user = page.getByRole('textbox', { name: 'User' });
    await expect(user.inputValue()).resolves.toBe('alice');
    await expect(user.isEditable()).resolves.toBe(false);
    await page.getByRole('button', { name: 'Stage', exact: true }).click();
    await page.getByRole('article', { name: 'Copy file' }).getByText('Done').waitFor();
    expect(readFileSync(`${service.areas}/alice/file`, 'utf8')).toBe('x');
    const kept = await page.evaluate<string>(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])',
    );
    expect(kept).not.toContain('eyJ');
    expect(opened[0]!.complaints).toEqual([]);
    await page.getByRole('button', { name: 'alice' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign out here' }).click();
    await page.getByText('Sign in to go on').waitFor();
  });

  it('signs users in at the explorer of the API likewise', async () => {
    const { service } = await siteWith(600);
    const page = await openPage(`${service.url}/docs`);
    await page.getByRole('button', { name: 'Authorize' }).click();
    const heading = page.getByRole('heading', { name: /authorization_code with PKCE/ });
    const way = heading.locator('xpath=ancestor::div[.//button][1]');
    const [popup] = await Promise.all([page.waitForEvent('popup'), way.locator('button.authorize').click()]);
    await popup.getByRole('textbox', { name: 'Name' }).fill('alice');
    const closed = popup.waitForEvent('close');
    await popup.getByRole('button', { name: 'Go' }).click();
    await closed;
    await way.getByText('Logout').waitFor();
    await page.getByRole('button', { name: 'Close' }).first().click();
    await page.locator('#operations-operations-listOperations').getByRole('button').first().click();
    await page.getByRole('button', { name: 'Try it out' }).click();
    await page.getByRole('button', { name: 'Execute' }).click();
    // The explorer asks for the user of the example, who is somebody else: the service knows who asks.
    const answer = page.locator('.live-responses-table');
    await until(async () => (await answer.innerText()).includes('You are signed in as alice'), 'the token is not sent');
    expect(opened[0]!.complaints).toEqual([]);
  }, 60_000);

  it('lets an operator read the log, and renews what they signed in with unseen', async () => {
    // Half a minute before its end a token is renewed.
    const { service, provider } = await siteWith(33);
    const page = await openPage(service.url);
    await signIn(page, 'olga');
    await page.getByRole('link', { name: 'Logs' }).click();
    await page.getByText('Live').waitFor();
    const tokens = provider.asked('/token');
    await until(() => provider.asked('/token') > tokens, 'the token is not renewed');
    await page.getByRole('link', { name: 'Operations' }).click();
    await page.getByRole('table').getByRole('link', { name: 'file' }).waitFor();
    await page.getByRole('link', { name: 'Logs' }).click();
    await page.getByText('Live').waitFor();
    expect(opened[0]!.complaints).toEqual([]);
  }, 120_000);
});
