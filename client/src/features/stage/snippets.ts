import type { StageOrder } from '../../api/staging';
import { pythonText, shellWord } from '../../lib/shell';

/** Where and how a program would ask for the same. */
interface Site {
  url: string;
  needsToken: boolean;
}

function bodyOf({ items }: StageOrder): object {
  return items.length === 1 ? items[0]! : { items };
}

function pathOf({ items }: StageOrder): string {
  return items.length === 1 ? '/stage_data' : '/stage_data/batch';
}

function queryOf({ method, username, server }: StageOrder): Record<string, string> {
  return { method, username, ...(server !== '' && { server }) };
}

/** The order as a command line. */
export function curlOf(order: StageOrder, { url, needsToken }: Site): string {
  const address = `${url}${pathOf(order)}?${new URLSearchParams(queryOf(order)).toString()}`;
  const lines = [
    `curl ${shellWord(`${address}`)}`,
    ...(needsToken ? [`-H "Authorization: Bearer $TOKEN"`] : []),
    `-H 'Content-Type: application/json'`,
    `-d ${shellWord(JSON.stringify(bodyOf(order)))}`,
  ];
  return lines.join(' \\\n  ');
}

/** The order as a program in Python. */
export function pythonOf(order: StageOrder, { url, needsToken }: Site): string {
  const parameters = Object.entries(queryOf(order)).map(([name, value]) => `"${name}": ${pythonText(value)}`);
  return [
    'import requests',
    '',
    'answer = requests.post(',
    `    ${pythonText(url + pathOf(order))},`,
    `    params={${parameters.join(', ')}},`,
    ...(needsToken ? ['    headers={"Authorization": f"Bearer {token}"},'] : []),
    `    json=${JSON.stringify(bodyOf(order))},`,
    ')',
    'print(answer.json())',
  ].join('\n');
}
