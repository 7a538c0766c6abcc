/** What the browser of directories says. */
export const browserTexts = {
  directory: 'Directory',
  up: 'Up',
  again: 'Look again',
  filter: 'Filter this directory',
  nothingFits: 'Nothing here fits',
  nothingFitsAdvice: 'Another text may be in the name, or clear the filter.',
  soFar: ' so far',
  some: (shown: string, loaded: string) => `${shown} of ${loaded}`,
  all: (loaded: string, isOne: boolean) => `${loaded} ${isOne ? 'entry' : 'entries'}`,
  keys: ' · Space chooses, Enter opens, Backspace goes up',
};
