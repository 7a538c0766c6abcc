import { attributeOf } from './extended-attribute';
import { type Handle } from './handle';

/** Whose rights an entry tells (`linux/posix_acl_xattr.h`). */
const OWNER = 0x01;
const USER = 0x02;
const OWNING_GROUP = 0x04;
const GROUP = 0x08;
const MASK = 0x10;
const OTHER = 0x20;

const ATTRIBUTE = 'system.posix_acl_access';
const HEADER_BYTES = 4;
const ENTRY_BYTES = 8;

interface Entry {
  tag: number;
  rights: number;
  id: number;
}

/** The ids of somebody who wants something, and of what they want it of. */
export interface Claim {
  uid: number | null;
  gids: readonly number[];
  owner: number;
  group: number;
}

/**
 * Whether the access control list of an object gives somebody all these rights, as the kernel decides it (acl(5), "ACCESS
 * CHECK ALGORITHM"); undefined when the object has none, so that its mode decides.
 */
export function listGrants(handle: Handle, claim: Claim, rights: number): boolean | undefined {
  const list = attributeOf(handle, ATTRIBUTE);
  return list && decide(entriesOf(list), claim, rights);
}

function entriesOf(list: Buffer): Entry[] {
  const entries: Entry[] = [];
  for (let at = HEADER_BYTES; at + ENTRY_BYTES <= list.length; at += ENTRY_BYTES) {
    entries.push({ tag: list.readUInt16LE(at), rights: list.readUInt16LE(at + 2), id: list.readUInt32LE(at + 4) });
  }
  return entries;
}

function decide(entries: Entry[], { uid, gids, owner, group }: Claim, rights: number): boolean {
  const find = (tag: number, id?: number) =>
    entries.find((entry) => entry.tag === tag && (id === undefined || entry.id === id));
  const has = (entry: Entry | undefined) => entry !== undefined && (entry.rights & rights) === rights;
  const mask = find(MASK);
  const passes = (entry: Entry) => has(entry) && (mask === undefined || has(mask));

  if (uid !== null && uid === owner) return has(find(OWNER));
  const user = uid === null ? undefined : find(USER, uid);
  if (user) return passes(user);
  const groups = entries.filter(
    ({ tag, id }) => (tag === OWNING_GROUP && gids.includes(group)) || (tag === GROUP && gids.includes(id)),
  );
  return groups.length > 0 ? groups.some(passes) : has(find(OTHER));
}
