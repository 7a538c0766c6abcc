/** Characters that would change the look of the text around them, or hide: shown as what they are called. */
// eslint-disable-next-line no-control-regex -- these are what it is about
const ODD = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A name as it can be shown: what cannot be seen, or turns text around, stands as its code point. */
export function showName(name: string): string {
  return name.replace(ODD, (character) => `⟨${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`);
}

/** A path of the storage or of a user area; `percent`: its bytes are percent-encoded, since they are not UTF-8. */
export interface PathText {
  text: string;
  encoding: 'percent' | null;
}

export const TOP: PathText = { text: '', encoding: null };

const encoded = (text: string) => text.split('/').map(encodeURIComponent).join('/');

/** The path of a name in a directory. A path with one name that is not UTF-8 is percent-encoded as a whole. */
export function childOf(directory: PathText, name: string, encoding: 'percent' | null): PathText {
  const isPercent = directory.encoding === 'percent' || encoding === 'percent';
  const before = isPercent && directory.encoding === null ? encoded(directory.text) : directory.text;
  const own = isPercent && encoding === null ? encodeURIComponent(name) : name;
  return { text: before === '' ? own : `${before}/${own}`, encoding: isPercent ? 'percent' : null };
}

/** The directory that holds a path; the top holds itself. */
export function parentOf(path: PathText): PathText {
  const end = path.text.lastIndexOf('/');
  return end < 0 ? TOP : { text: path.text.slice(0, end), encoding: path.encoding };
}

/** The last name of a path, as it is written there. */
export function lastName(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return parts.at(-1) ?? '';
}

/** The directories from the top to a path, that one included. */
export function stepsTo(path: PathText): PathText[] {
  const parts = path.text === '' ? [] : path.text.split('/');
  return parts.map((_part, index) => ({ text: parts.slice(0, index + 1).join('/'), encoding: path.encoding }));
}

/** A name of a percent-encoded path as it can be read; what is not UTF-8 stays as it is. */
export function readable(name: string, encoding: 'percent' | null): string {
  if (encoding === null) return showName(name);
  try {
    return showName(decodeURIComponent(name));
  } catch {
    return showName(name);
  }
}
