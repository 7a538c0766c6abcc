import { formatBytes, plural } from '../lib/format';
import { texts } from './texts';

/** What the view says in which things are staged. */
export const stageTexts = {
  what: 'What',
  how: 'How',
  where: 'For whom and where to',
  recent: 'Staged from here',
  clear: 'Clear',
  nothing: 'Nothing yet',
  nothingAdvice: `What you stage appears here at once, with how far it is. All operations are under ${texts.nav.operations}.`,
  submit: (count: number, isDownload: boolean) => (count > 1 ? `Stage ${count}` : isDownload ? 'Download' : 'Stage'),
  refused: 'It was not accepted',
  source: {
    storage: 'Storage',
    tree: 'Directories of the storage',
    empty: 'This directory is empty',
    paths: 'Paths',
    pathsHint: 'What you chose, one path a line; write or paste paths of the storage as well.',
  },
  method: { label: 'Method', off: 'It does not answer just now.' },
  user: 'User',
  userFixed: 'You are signed in: it is for yourself.',
  server: 'Named server',
  serverHint: 'Leave it empty for the usual one.',
  download: 'It goes to this browser; nothing is put into the user area.',
  destination: {
    one: 'Destination',
    oneHint: 'Below the area of the user. With "/" at its end: into that directory.',
    many: 'Directory to put them into',
    manyHint: 'Below the area of the user; each keeps its own name. Empty: the top.',
    choose: 'Choose a directory',
    areaOf: (username: string) => `The area of ${username}`,
    area: 'User area',
    empty: 'There is nothing yet',
    put: (path: string) => `Put it into ${path === '' ? 'the top' : path}`,
  },
  faults: {
    noUser: 'say for whom',
    user: 'must have 1 to 64 ASCII letters, digits, ".", "_", "-" or "@", and begin with a letter, a digit or "_"',
    noSource: 'Choose something from the storage',
    tooMany: (most: number) => `must be at most ${most} at once`,
    oneDownload: 'One thing at a time can be downloaded; a directory comes as an archive',
  },
  missing: {
    sources: 'Choose something from the storage first.',
    username: 'Say for which user it is.',
    method: 'Choose one thing, or another method.',
    destination: 'Mend the destination.',
  },
  plan: {
    failed: 'This cannot be planned',
    looking: 'Looking at what would happen',
    noSpace: 'There is not enough space for it in the user areas.',
    more: (count: number) => `and ${count} more`,
    nothing: 'Nothing to do',
    actions: [
      ['copy', 'copies'],
      ['clone', 'clones'],
      ['hard_link', 'links'],
      ['symbolic_link', 'links by name'],
      ['upload', 'uploads'],
      ['download', 'downloads'],
    ] as const,
    does: (verbs: string[], bytes: number, files: number) =>
      `${capital(verbs.join(' and '))} ${formatBytes(bytes)} in ${plural(files, 'file')}`,
    present: (count: number) => `${plural(count, 'is', 'are')} there already`,
    unknown: (count: number) => `${plural(count, 'cannot', 'cannot')} be told beforehand`,
    refused: (count: number) => `${plural(count, 'would', 'would')} be refused`,
    left: (bytes: number) => `${formatBytes(bytes)} are left then`,
  },
  program: {
    title: 'The same from a program',
    language: 'Language',
    languages: { curl: 'curl', python: 'Python' },
    label: 'Program',
    copy: 'the program',
  },
};

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
