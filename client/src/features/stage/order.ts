import type { StageOrder } from '../../api/staging';
import type { SiteConfig, StageItem } from '../../api/types';
import { destinationIn, faultOfDestination } from '../../lib/destination';
import { lastName, type PathText } from '../../lib/names';
import { stageTexts } from '../../texts/stage';

/** What somebody is about to stage. */
export interface Order {
  method: string;
  username: string;
  server: string;
  storage: string;
  sources: PathText[];
  /** Where it goes, as it was written; null as long as the proposal is good enough. */
  destination: string | null;
}

const said = stageTexts.faults;
const USERNAME = /^[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}$/;

/** Methods that hand the data over instead of putting it somewhere. */
export function needsDestination(config: SiteConfig, method: string): boolean {
  return config.methods.find(({ name }) => name === method)?.needs_relative_path ?? true;
}

/** Where things go unless somebody says otherwise: one under its own name, several into the top of the area. */
export function proposedDestination({ sources }: Order): string {
  return sources.length === 1 ? lastName(sources[0]!.text) : '';
}

export function destinationOf(order: Order): string {
  return order.destination ?? proposedDestination(order);
}

/** What is wrong with an order, by field; a field that is not there is fine. */
export type Faults = Partial<Record<'username' | 'sources' | 'destination' | 'method', string>>;

/** What keeps an order from being sent, in the words of the service; empty where nothing does. */
export function faultsOf(order: Order, config: SiteConfig): Faults {
  const faults: Faults = {};
  if (order.username === '') faults.username = said.noUser;
  else if (!USERNAME.test(order.username)) {
    faults.username = said.user;
  }
  const max = config.limits.max_batch_items;
  if (order.sources.length === 0) faults.sources = said.noSource;
  else if (order.sources.length > max) faults.sources = said.tooMany(max);
  if (!needsDestination(config, order.method)) {
    if (order.sources.length > 1) faults.method = said.oneDownload;
    return faults;
  }
  for (const path of destinationsOf(order)) {
    const fault = faultOfDestination(path, config.limits);
    if (fault !== null) return { ...faults, destination: fault };
  }
  return faults;
}

/** What has to be done before an order can be sent, in a sentence; empty when nothing has. */
export function missingOf(faults: Faults): string {
  const first = (['sources', 'username', 'method', 'destination'] as const).find((one) => faults[one] !== undefined);
  return first === undefined ? '' : stageTexts.missing[first];
}

function destinationsOf(order: Order): string[] {
  const to = destinationOf(order);
  if (order.sources.length <= 1) return order.sources.length === 1 ? [to] : [];
  return order.sources.map(({ text }) => destinationIn(to, lastName(text)));
}

/** The order as the API takes it. */
export function stageOrderOf(order: Order, config: SiteConfig): StageOrder {
  const { method, username, server } = order;
  const destinations = needsDestination(config, method) ? destinationsOf(order) : null;
  const items = order.sources.map((source, index) => itemOf(order, source, destinations?.[index]));
  return { method, username, server, items };
}

/** With a name that is not UTF-8 both paths are percent-encoded, so what somebody wrote is encoded too. */
function itemOf(order: Order, source: PathText, destination: string | undefined): StageItem {
  const isPercent = source.encoding === 'percent';
  const item: StageItem = { local_path_on_storage: source.text };
  if (!source.text.startsWith('/')) item.storage = order.storage;
  if (isPercent) item.name_encoding = 'percent';
  if (destination !== undefined) item.relative_path = isPercent ? encodedButEscapes(destination) : destination;
  return item;
}

function encodedButEscapes(path: string): string {
  return path.replace(/%(?![0-9A-Fa-f]{2})/g, '%25');
}

/** Paths as somebody may write or paste them: one a line. What was chosen before keeps its encoding. */
export function readSources(text: string, known: readonly PathText[]): PathText[] {
  const encodings = new Map(known.map(({ text: path, encoding }) => [path, encoding]));
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  const paths = [...new Set(lines.filter((line) => line.trim() !== ''))];
  return paths.map((path) => ({ text: path, encoding: encodings.get(path) ?? null }));
}

export function writeSources(sources: readonly PathText[]): string {
  return sources.map(({ text }) => text).join('\n');
}
